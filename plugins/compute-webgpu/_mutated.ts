/** A backend whose kernels have something changed in their text, and whether the laws see it. */
import { Compute } from "@resd/core";
import { checkLaws, type Law } from "@resd/testing";
import { Effect, Schema } from "effect";
import { makeCompute } from "./compute_webgpu.ts";
import { openDevice } from "./device.ts";
import { Options } from "./options.ts";

/** How many kernel texts were changed, and whether the laws still held. */
export const underMutation = Effect.fnUntraced(function* (
  laws: ReadonlyArray<Law<Compute>>,
  [from, to]: readonly [from: string, to: string],
  options: typeof Options.Encoded = {},
) {
  const gpu = yield* openDevice({ adapter: "" });
  const { device } = gpu;
  const original = device.createShaderModule.bind(device);
  let changed = 0;
  device.createShaderModule = (descriptor) => {
    const code = descriptor.code.replaceAll(from, to);
    if (code !== descriptor.code) changed += 1;
    return original({ ...descriptor, code });
  };
  const settings = yield* Effect.orDie(Schema.decodeUnknownEffect(Options)(options));
  const compute = yield* makeCompute(gpu, settings);
  const results = yield* checkLaws(laws).pipe(Effect.provideService(Compute, compute));
  return { changed, passed: results.length > 0 && results.every(({ passed }) => passed) };
});
