import { assert, describe, it } from "@effect/vitest";
import { ComputeError } from "@resd/core";
import { computeLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Cause, Effect, Exit, Layer } from "effect";
import { layer } from "./mod.ts";

const onWebgpu = layer({ threads: 1, provider: "webgpu" });
const opened = await Effect.runPromise(Effect.exit(Effect.scoped(Layer.build(onWebgpu))));
const missing = Exit.isFailure(opened) ? Cause.squash(opened.cause) : undefined;
if (missing !== undefined) {
  process.stderr.write(
    'SKIPPED, NOT PASSED: the laws of ONNX Runtime on WebGPU, no adapter on this machine. A software one: eval "$(tools/webgpu/software_driver.sh)"\n',
  );
}

/** What takes seconds on a software adapter; the rest takes minutes, and runs with RESD_CHECK_ALL=1. */
const QUICK = new Set([
  "expm1-near-zero",
  "matmul-nt",
  "matmul-tn",
  "softmax-gradients",
  "gather-scatter",
  "rope",
  "decoder-forward",
  "adamw",
]);
const all = process.env["RESD_CHECK_ALL"] === "1";
const laws = computeLaws().filter(
  ({ id }) => all || QUICK.has(id.replace("compute.graph.", "")) || id.startsWith("compute.array."),
);

describe.skipIf(missing !== undefined)("provider webgpu keeps the laws of backends", () => {
  registerLaws(laws, { layer: onWebgpu, timeoutMillis: 600_000 });
});

describe.skipIf(missing === undefined)("provider webgpu, where there is no adapter", () => {
  it("says what to install, before anything is computed", () => {
    assert.instanceOf(missing, ComputeError);
    assert.match((missing as ComputeError).message, /^Expected a WebGPU adapter for ONNX Runtime/);
  });
});
