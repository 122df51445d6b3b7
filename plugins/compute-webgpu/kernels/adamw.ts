/** AdamW steps on the device, of many tensors a kernel: Loshchilov & Hutter 2019, in PyTorch's order of operations. */
import { sizeOf, type Tensor } from "@resd/tensor";
import type { Kernel, ValueId } from "../schedule.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { groupsOf, LANES } from "./elementwise.ts";

/** Parameter and moments after one step, from hyper = lr, beta1, beta2, eps, weightDecay, biasCorrection1, biasCorrection2, gradScale. */
const STEP = `struct Step { p: vec4<f32>, m: vec4<f32>, v: vec4<f32> }
fn step_(p: vec4<f32>, g: vec4<f32>, m: vec4<f32>, v: vec4<f32>, a: vec4<f32>, b: vec4<f32>) -> Step {
  let gradient = g * b.w;
  let nextM = a.y * m + (1.0 - a.y) * gradient;
  let nextV = a.z * v + (1.0 - a.z) * gradient * gradient;
  let kept = p * (1.0 - a.x * b.x);
  let size = a.x / b.y;
  return Step(kept - size * nextM / (sqrt(nextV) / sqrt(b.z) + a.w), nextM, nextV);
}`;

/** What of operands and results a kernel binds for one tensor. */
interface Step {
  readonly count: number;
  readonly operands: ReadonlyArray<ValueId>;
  readonly results: ReadonlyArray<ValueId>;
  /** Operands that live on as results. */
  readonly merged: ReadonlyMap<ValueId, ValueId>;
  readonly half: boolean;
}

/** p, m and v are updated in place where nobody else needs their old values. */
const stepOf = (site: Site, reads: ReadonlyMap<ValueId, number>): Step => {
  const { root } = site.group;
  const operands = (root.inputs as ReadonlyArray<Tensor>).map(site.value);
  const results = [0, 1, 2].map((index) => site.value(outputOf(root, index)));
  const merged = new Map<ValueId, ValueId>();
  [0, 2, 3].forEach((operand, result) => {
    const value = operands[operand]!;
    if (reads.get(value) !== 1 || !site.dies(value)) return;
    merged.set(value, results[result]!);
    site.takeOver(results[result]!, value);
  });
  const { shape, dtype } = root.outputs[0]!;
  return { count: sizeOf(shape), operands, results, merged, half: dtype === "f16" };
};

const boundBy = (steps: ReadonlyArray<Step>): number =>
  new Set(
    steps.flatMap(({ operands, results, merged }) => [
      ...operands.filter((value) => !merged.has(value)),
      ...results,
    ]),
  ).size;

/** As many tensors a kernel as it may bind buffers for. */
const kernelOf = (site: Site, steps: ReadonlyArray<Step>): Kernel => {
  const writer = new Writer(site.target);
  writer.helper("step_", STEP);
  const merged = new Map(steps.flatMap((step) => [...step.merged]));
  let end = 0;
  for (const { count, operands, results, half } of steps) {
    const dtype = half ? "f16" : "f32";
    const [p, g, m, v] = operands
      .slice(0, 4)
      .map((value) => writer.buffer(value, dtype, "read", 4));
    const hyper = writer.buffer(operands[4]!, dtype, "read", 4);
    const [nextP, nextM, nextV] = results.map((value) => writer.buffer(value, dtype, "modify", 4));
    const start = end;
    // Storage is whole vectors, so the last one of a tensor may be worked on whole.
    end += Math.ceil(count / 4);
    writer.block(`if (thread >= ${writer.u(start)} && thread < ${writer.u(end)})`, () => {
      const i = writer.let(`thread - ${writer.u(start)}`);
      const read = (name: string | undefined, at = i): string =>
        half ? `vec4<f32>(${name}[${at}])` : `${name}[${at}]`;
      const stored = (value: string): string => (half ? `vec4<f16>(${value})` : value);
      const operand = [p, g, m, v].map((name) => read(name)).join(", ");
      const next = writer.let(`step_(${operand}, ${read(hyper, "0u")}, ${read(hyper, "1u")})`);
      writer.line(`${nextP}[${i}] = ${stored(`${next}.p`)};`);
      writer.line(`${nextM}[${i}] = ${stored(`${next}.m`)};`);
      writer.line(`${nextV}[${i}] = ${stored(`${next}.v`)};`);
    });
  }
  const numbers = steps.reduce((sum, { count }) => sum + count, 0);
  const label = `adamw ${steps.length} ${steps.length === 1 ? "tensor" : "tensors"}, ${numbers} numbers`;
  return writer.finish(label, LANES, groupsOf(end), merged);
};

/** The steps of many tensors, which must not need each other's results. */
export const adamw = (sites: ReadonlyArray<Site>): ReadonlyArray<Kernel> => {
  const reads = new Map<ValueId, number>();
  for (const { group, value } of sites) {
    for (const x of group.root.inputs) reads.set(value(x), (reads.get(value(x)) ?? 0) + 1);
  }
  const kernels: Array<Kernel> = [];
  let steps: Array<Step> = [];
  const flush = (): void => {
    if (steps.length > 0) kernels.push(kernelOf(sites[0]!, steps));
    steps = [];
  };
  for (const site of sites) {
    const step = stepOf(site, reads);
    if (step.count === 0) continue;
    if (boundBy([...steps, step]) > site.target.maxBuffers) flush();
    steps.push(step);
  }
  flush();
  return kernels;
};
