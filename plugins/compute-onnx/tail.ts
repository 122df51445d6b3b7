/** Runs the primitives of a plan on the worker's arrays. */
import type { ArrayStore, Stored } from "./array_store.ts";
import * as primitives from "./primitives.ts";
import type { Plan, TailStep } from "./protocol.ts";
import { sample } from "./sample.ts";

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
  adamw: ([p, g, m, v, hyper], [pOut, mOut, vOut]) =>
    primitives.adamw(f32(p!), f32(g!), f32(m!), f32(v!), f32(hyper!), {
      p: f32(pOut!),
      m: f32(mOut!),
      v: f32(vOut!),
    }),
  lerp: ([a, b, rate], [out]) => primitives.lerp(f32(a!), f32(b!), f32(rate!)[0]!, f32(out!)),
  axpy: ([a, b, scale], [out]) => primitives.axpy(f32(a!), f32(b!), f32(scale!)[0]!, f32(out!)),
  sumSquares: ([x], [out]) => {
    f32(out!)[0] = primitives.sumSquares(f32(x!));
  },
  add: ([a, b], [out]) => primitives.add(f32(a!), f32(b!), f32(out!)),
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
  sample: ([logits, uniforms, temperature, topP], [ids, logProbs], step) =>
    sample(f32(logits!), f32(uniforms!), f32(temperature!), f32(topP!), step.attributes.topK ?? 0, {
      ids: i32(ids!),
      logProbs: f32(logProbs!),
    }),
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

/** Runs the steps in order; `slots` holds inputs and session outputs and receives the results. */
export const runTail = (plan: Plan, slots: Array<Stored | undefined>, store: ArrayStore): void => {
  for (const step of plan.tail) {
    const inputs = step.inputs.map((slot) => slots[slot] as Stored);
    const outputs = step.outputs.map((slot, position) => {
      const taken = step.inPlace.find(([output]) => output === position);
      const info = plan.slots[slot]!;
      if (taken === undefined) return store.make(info);
      const source = inputs[taken[1]]!;
      return { data: source.data, shape: info.shape, dtype: info.dtype } satisfies Stored;
    });
    KERNELS[step.op]!(inputs, outputs, step);
    step.outputs.forEach((slot, position) => {
      slots[slot] = outputs[position];
    });
  }
};
