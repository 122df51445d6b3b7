import { computeLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect } from "effect";
import { describe } from "vitest";
import { listAdapters } from "./adapters.ts";
import { layer } from "./mod.ts";

const [adapter] = await Effect.runPromise(listAdapters);
if (adapter === undefined) {
  process.stderr.write(
    'SKIPPED, NOT PASSED: the laws of compute-webgpu, no WebGPU adapter on this machine. A software one: eval "$(tools/webgpu/software_driver.sh)"\n',
  );
}

describe.skipIf(adapter === undefined)("compute-webgpu keeps the laws of backends", () => {
  registerLaws(computeLaws(), { layer: layer({}), timeoutMillis: 120_000 });
});
