/** Teaches the same model the same batches on two backends, and measures how far apart they come. */
import type { Compute } from "@resd/core";
import { openCheckpoint } from "@resd/safetensors";
import { Effect, FileSystem, type Layer } from "effect";
import { defaultPolicy, type RecordedUpdate, samplesOf } from "./recording.ts";

/** Of one update on one backend. */
interface Outcome {
  readonly loss: number;
  readonly gradNorm: number;
  readonly seconds: number;
  /** After the update. */
  readonly weights: Weights;
}

/** Errors of the second backend relative to the first. */
export interface UpdateErrors {
  readonly loss: number;
  readonly gradNorm: number;
  /** ‖θ₂ − θ₁‖₂ / ‖θ₁‖₂ over all parameters after the update. */
  readonly parameters: number;
  /** The same distance relative to what training changed, of this update alone where each starts anew. */
  readonly change: number;
  readonly seconds: readonly [first: number, second: number];
}

const relative = (value: number, wanted: number): number =>
  Math.abs(value - wanted) / Math.abs(wanted);

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

/** A model and what computes with it. */
export interface Side<E, R> {
  readonly model: string;
  readonly compute: Layer.Layer<Compute, E, R>;
}

/** Where states of the policy are kept: `<folder>/<i>` is that before update i, counted from 0. */
interface States {
  /** Written before each update. */
  readonly keep?: string;
  /** Each update starts from the state found here, not from what the one before left. */
  readonly from?: string;
}

/** Teaches a model all updates, and gives what came of each. */
const teach = <E, R>(
  { model, compute }: Side<E, R>,
  updates: ReadonlyArray<RecordedUpdate>,
  { keep, from }: States,
) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "resd-replay-" });
    const policy = yield* defaultPolicy(model);
    const outcomes: Array<Outcome> = [];
    for (const [i, update] of updates.entries()) {
      if (keep !== undefined) yield* policy.save(`${keep}/${i}`, "all");
      if (from !== undefined) yield* policy.load(`${from}/${i}`);
      const start = performance.now();
      const { lr, clipNorm } = update;
      const { loss, gradNorm } = yield* policy.update(samplesOf(update), update.objective, {
        lr,
        ...(clipNorm === undefined ? {} : { clipNorm }),
      });
      const seconds = (performance.now() - start) / 1000;
      yield* policy.save(folder, "weights");
      outcomes.push({ loss, gradNorm, seconds, weights: yield* Effect.scoped(weightsOf(folder)) });
    }
    return outcomes;
  }).pipe(Effect.scoped, Effect.provide(compute));

/**
 * Teaches two models the same updates, one after the other; a model may stand on both sides.
 *
 * @param each every update of the second starts from the state that the first had before it, optimizer and teacher
 *   included: what one update does differently, without what earlier differences have grown to
 */
export const replay = Effect.fnUntraced(function* <E1, R1, E2, R2>(
  updates: ReadonlyArray<RecordedUpdate>,
  one: Side<E1, R1>,
  other: Side<E2, R2>,
  { each = false }: { readonly each?: boolean } = {},
) {
  const fs = yield* FileSystem.FileSystem;
  const states = yield* fs.makeTempDirectoryScoped({ prefix: "resd-states-" });
  const before = yield* Effect.scoped(weightsOf(one.model));
  const first = yield* teach(one, updates, each ? { keep: states } : {});
  const second = yield* teach(other, updates, each ? { from: states } : {});
  return first.map((wanted, i): UpdateErrors => {
    const got = second[i]!;
    const start = each && i > 0 ? first[i - 1]!.weights : before;
    const apart = distance(got.weights, wanted.weights);
    return {
      loss: relative(got.loss, wanted.loss),
      gradNorm: relative(got.gradNorm, wanted.gradNorm),
      parameters: apart / distance(wanted.weights, undefined),
      change: apart / distance(wanted.weights, start),
      seconds: [wanted.seconds, got.seconds],
    };
  });
}, Effect.scoped);
