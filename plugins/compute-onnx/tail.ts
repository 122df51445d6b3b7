/** Runs the primitives of a plan on the worker's arrays. */
import type { ArrayStore, Stored } from "./array_store.ts";
import { isLoop } from "./loops.ts";
import * as primitives from "./primitives.ts";
import type { Plan, TailStep } from "./protocol.ts";
import { sample } from "./sample.ts";
import type { Team } from "./team.ts";

const f32 = (array: Stored): Float32Array => array.data as Float32Array;
const i32 = (array: Stored): Int32Array => array.data as Int32Array;

type Kernel = (
  inputs: ReadonlyArray<Stored>,
  outputs: ReadonlyArray<Stored>,
  step: TailStep,
) => void;

const copyInto = (from: Stored, to: Stored): void => {
  if (from.data !== to.data) f32(to).set(f32(from));
};

const KERNELS: Readonly<Record<string, Kernel>> = {
  reshape: ([x], [out]) => copyInto(x!, out!),
  cacheWrite: ([cache, rows, positions], [out]) => {
    copyInto(cache!, out!);
    primitives.cacheWrite(f32(out!), cache!.shape, f32(rows!), rows!.shape, i32(positions!));
  },
  scatterAddRows: ([rows, ids], [out]) => {
    f32(out!).fill(0);
    primitives.scatterAddRows(f32(rows!), i32(ids!), out!.shape[1]!, f32(out!));
  },
  /** base + scatterAddRows(rows, ids): the gradient of a tied embedding. */
  scatterAddInto: ([base, rows, ids], [out]) => {
    copyInto(base!, out!);
    primitives.scatterAddRows(f32(rows!), i32(ids!), out!.shape[1]!, f32(out!));
  },
  sample: ([logits, uniforms, temperature, topP, probabilities], [ids, logProbs], step) =>
    sample(
      f32(logits!),
      f32(probabilities!),
      f32(uniforms!),
      f32(temperature!),
      f32(topP!),
      step.attributes.topK ?? 0,
      { ids: i32(ids!), logProbs: f32(logProbs!) },
    ),
};

/** Operations that this backend runs itself when nothing after them needs the session again. */
export const CLAIMED: ReadonlySet<string> = new Set([
  "adamw",
  "lerp",
  "axpy",
  "sumSquares",
  "cacheWrite",
  "scatterAddRows",
  "sample",
]);

/** Steps that run as one: a kernel alone, or calls of one loop of which none needs another's result. */
export type Stage = readonly [TailStep, ...ReadonlyArray<TailStep>];

/** Whether `step` may run at the same time as all of `stage`. */
const joins = (stage: Stage, step: TailStep): boolean => {
  if (stage[0].op !== step.op || !isLoop(step.op)) return false;
  const taken = step.inPlace.map(([, input]) => step.inputs[input]);
  return stage.every(
    ({ inputs, outputs, inPlace }) =>
      !outputs.some((slot) => step.inputs.includes(slot)) &&
      !inputs.some((slot) => taken.includes(slot)) &&
      !inPlace.some(([, input]) => step.inputs.includes(inputs[input]!)),
  );
};

/** The steps in order, grouped. */
export const stagesOf = (steps: ReadonlyArray<TailStep>): ReadonlyArray<Stage> => {
  const stages: Array<[TailStep, ...Array<TailStep>]> = [];
  for (const step of steps) {
    const last = stages.at(-1);
    if (last !== undefined && joins(last, step)) last.push(step);
    else stages.push([step]);
  }
  return stages;
};

/** Where a step reads and writes. */
const placesOf = (
  { slots: infos }: Plan,
  step: TailStep,
  slots: ReadonlyArray<Stored | undefined>,
  store: ArrayStore,
): { readonly inputs: ReadonlyArray<Stored>; readonly outputs: ReadonlyArray<Stored> } => {
  const inputs = step.inputs.map((slot) => slots[slot] as Stored);
  const outputs = step.outputs.map((slot, position) => {
    const taken = step.inPlace.find(([output]) => output === position);
    const info = infos[slot]!;
    if (taken === undefined) return store.make(info);
    const source = inputs[taken[1]]!;
    return { data: source.data, shape: info.shape, dtype: info.dtype } satisfies Stored;
  });
  return { inputs, outputs };
};

/** Runs the stages in order; `slots` holds inputs and session outputs and receives the results. */
export const runTail = (
  plan: Plan,
  stages: ReadonlyArray<Stage>,
  slots: Array<Stored | undefined>,
  store: ArrayStore,
  team: Team,
): void => {
  for (const stage of stages) {
    const places = stage.map((step) => placesOf(plan, step, slots, store));
    const { op } = stage[0];
    if (isLoop(op)) {
      const calls = places.map(({ inputs, outputs }) => [...inputs, ...outputs].map(f32));
      const sums = team.run(op, calls);
      if (op === "sumSquares") calls.forEach((call, at) => (call.at(-1)![0] = sums[at]!));
    } else {
      const { inputs, outputs } = places[0]!;
      KERNELS[op]!(inputs, outputs, stage[0]);
    }
    stage.forEach((step, at) =>
      step.outputs.forEach((slot, position) => {
        slots[slot] = places[at]!.outputs[position];
      }),
    );
  }
};
