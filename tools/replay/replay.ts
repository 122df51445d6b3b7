/** Teaches the same model the same batches on two backends, and measures how far apart they come. */
import type { Compute, PolicyShape } from "@resd/core";
import { openCheckpoint } from "@resd/safetensors";
import { Effect, FileSystem, type Layer } from "effect";
import { defaultPolicy, type RecordedUpdate, samplesOf } from "./recording.ts";

/** Numbers of one update on one backend. */
interface Outcome {
  readonly loss: number;
  readonly gradNorm: number;
  readonly seconds: number;
}

/** Errors of the second backend relative to the first. */
export interface UpdateErrors {
  readonly loss: number;
  readonly gradNorm: number;
  readonly seconds: readonly [first: number, second: number];
}

export interface ReplayReport {
  readonly updates: ReadonlyArray<UpdateErrors>;
  /** ‖θ₂ − θ₁‖₂ / ‖θ₁‖₂ over all parameters after the last update, and relative to what training changed. */
  readonly parameters: number;
  readonly change: number;
}

const relative = (value: number, wanted: number): number =>
  Math.abs(value - wanted) / Math.abs(wanted);

const teach = (policy: PolicyShape, updates: ReadonlyArray<RecordedUpdate>) =>
  Effect.forEach(updates, (update) =>
    Effect.gen(function* () {
      const start = performance.now();
      const { lr, clipNorm } = update;
      const report = yield* policy.update(samplesOf(update), update.objective, {
        lr,
        ...(clipNorm === undefined ? {} : { clipNorm }),
      });
      const seconds = (performance.now() - start) / 1000;
      return { loss: report.loss, gradNorm: report.gradNorm, seconds } satisfies Outcome;
    }),
  );

type Weights = ReadonlyMap<string, Float32Array>;

/** The weights of a model's folder by name. */
export const weightsOf = Effect.fnUntraced(function* (folder: string) {
  const checkpoint = yield* openCheckpoint(folder);
  const weights = new Map<string, Float32Array>();
  for (const name of checkpoint.names) weights.set(name, yield* checkpoint.readFloats(name));
  return weights;
});

/** ‖a − b‖₂ over all tensors. */
const distance = (a: Weights, b: Weights | undefined): number => {
  let sum = 0;
  for (const [name, values] of a) {
    const other = b?.get(name);
    values.forEach((value, i) => (sum += (value - (other?.[i] ?? 0)) ** 2));
  }
  return Math.sqrt(sum);
};

/** Teaches the model of a folder everything, and gives what came of each update and of the weights. */
const runOn = <E, R>(
  model: string,
  compute: Layer.Layer<Compute, E, R>,
  updates: ReadonlyArray<RecordedUpdate>,
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "resd-replay-" });
    const policy = yield* defaultPolicy(model);
    const outcomes = yield* teach(policy, updates);
    yield* policy.save(folder, "weights");
    return { outcomes, weights: yield* weightsOf(folder) };
  }).pipe(Effect.scoped, Effect.provide(compute));

/** A model and what computes with it. */
export interface Side<E, R> {
  readonly model: string;
  readonly compute: Layer.Layer<Compute, E, R>;
}

/** Teaches two models the same updates, one after the other; a model may stand on both sides. */
export const replay = Effect.fnUntraced(function* <E1, R1, E2, R2>(
  updates: ReadonlyArray<RecordedUpdate>,
  one: Side<E1, R1>,
  other: Side<E2, R2>,
) {
  const before = yield* Effect.scoped(weightsOf(one.model));
  const first = yield* runOn(one.model, one.compute, updates);
  const second = yield* runOn(other.model, other.compute, updates);
  const apart = distance(second.weights, first.weights);
  return {
    updates: first.outcomes.map((wanted, i) => {
      const got = second.outcomes[i]!;
      return {
        loss: relative(got.loss, wanted.loss),
        gradNorm: relative(got.gradNorm, wanted.gradNorm),
        seconds: [wanted.seconds, got.seconds] as const,
      };
    }),
    parameters: apart / distance(first.weights, undefined),
    change: apart / distance(first.weights, before),
  } satisfies ReplayReport;
});
