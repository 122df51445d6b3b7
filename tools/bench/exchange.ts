/** Both sides start from the same weights: one flat file of f32, in the order of the parameters. */
import type { Arr, ComputeShape } from "@resd/core";
import { initialize, type ParameterSpec, parameterSpecs } from "@resd/models";
import { Effect, FileSystem } from "effect";
import { BenchError } from "./bench_error.ts";
import type { Size } from "./sizes.ts";
import type { Peer } from "./torch_peer.ts";

/** Largest relative difference between numbers that both sides must agree on. */
const TOLERANCE = 1e-3;

export const SEED = 1;

/** Weights of a model, drawn when they are asked for: one tensor in memory at a time, as when a folder is loaded. */
export const freshWeights =
  ({ config }: Size) =>
  (spec: ParameterSpec): Float32Array<ArrayBuffer> =>
    initialize(config, SEED, [spec]).get(spec.name)!;

/** Uploads the weights of `freshWeights`. */
export const putFreshWeights = Effect.fnUntraced(function* (compute: ComputeShape, size: Size) {
  const weightOf = freshWeights(size);
  const arrays: Record<string, Arr> = {};
  for (const spec of parameterSpecs(size.config)) {
    arrays[spec.name] = yield* compute.put(weightOf(spec), spec.shape);
  }
  return arrays;
});

export interface TrainingSettings {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  /** On matrices alone. */
  readonly weightDecay: number;
  /** Global-norm limit. */
  readonly clip: number;
}

/** Gives the peer a model of this size, with an optimizer if it is to train. */
export const setUpPeer = Effect.fnUntraced(function* (
  peer: Peer,
  { config }: Size,
  weightOf: (spec: ParameterSpec) => Float32Array<ArrayBuffer>,
  threads: number,
  adamw?: TrainingSettings,
) {
  const files = yield* FileSystem.FileSystem;
  const specs = parameterSpecs(config);
  const folder = yield* files.makeTempDirectoryScoped({ prefix: "resd-bench-" });
  const path = `${folder}/weights.f32`;
  for (const spec of specs) {
    yield* files.writeFile(path, new Uint8Array(weightOf(spec).buffer), { flag: "a" });
  }
  yield* peer.request("setup", {
    config,
    threads,
    weights: path,
    tensors: specs.map(({ name, shape }) => [name, shape]),
    adamw: adamw ?? null,
  });
});

/** Fails when a pair of numbers differs, so that no time is taken of two different computations. */
export const mustAgree = (
  what: string,
  ours: ArrayLike<number>,
  peers: ArrayLike<number>,
): Effect.Effect<void, BenchError> => {
  const refuse = (message: string) => Effect.fail(new BenchError({ message }));
  if (ours.length !== peers.length) {
    return refuse(
      `Expected as many values of ${what} as ours (${ours.length}), got ${peers.length}`,
    );
  }
  for (let i = 0; i < ours.length; i++) {
    const [own, other] = [ours[i] as number, peers[i] as number];
    const limit = TOLERANCE * Math.max(1, Math.abs(other));
    if (Math.abs(own - other) <= limit) continue; // false for NaN too
    return refuse(
      `Expected ${what} to agree within ${TOLERANCE}, got ${own} (ours) and ${other} (peer) at ${i}; both sides must compute the same before their times mean anything`,
    );
  }
  return Effect.void;
};
