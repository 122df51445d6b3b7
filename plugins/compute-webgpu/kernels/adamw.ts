/** One AdamW step on the device: Loshchilov & Hutter 2019, in PyTorch's order of operations. */
import { sizeOf, type Tensor } from "@resd/tensor";
import { stored } from "../expression.ts";
import type { Kernel, ValueId } from "../schedule.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { groupsOf, LANES, shown } from "./elementwise.ts";

/** p, m and v are updated in place where nobody else needs their old values. */
export const adamw = (site: Site): ReadonlyArray<Kernel> => {
  const { root } = site.group;
  const operands = root.inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const { shape, dtype } = root.outputs[0]!;
  const count = sizeOf(shape);
  if (count === 0) return [];
  const writer = new Writer(site.target);
  const values = operands.map(site.value);
  const results = [0, 1, 2].map((index) => site.value(outputOf(root, index)));
  const merged = new Map<ValueId, ValueId>();
  [0, 2, 3].forEach((operand, result) => {
    const value = values[operand]!;
    if (values.filter((other) => other === value).length > 1 || !site.dies(value)) return;
    merged.set(value, results[result]!);
    site.takeOver(results[result]!, value);
  });
  const [p, g, m, v, hyper] = values.map((value) => writer.buffer(value, dtype)) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const [nextP, nextM, nextV] = results.map((value) => writer.buffer(value, dtype, "modify")) as [
    string,
    string,
    string,
  ];
  writer.block(`if (thread < ${writer.u(count)})`, () => {
    const [lr, beta1, beta2, eps, decay, correction1, correction2, scale] = Array.from(
      { length: 8 },
      (_, index) => `f32(${hyper}[${index}])`,
    );
    writer.line(`let gradient = f32(${g}[thread]) * ${scale};`);
    writer.line(`let m = ${beta1} * f32(${m}[thread]) + (1.0 - ${beta1}) * gradient;`);
    writer.line(`let v = ${beta2} * f32(${v}[thread]) + (1.0 - ${beta2}) * gradient * gradient;`);
    writer.line(`let kept = f32(${p}[thread]) * (1.0 - ${lr} * ${decay});`);
    writer.line(`let size = ${lr} / ${correction1};`);
    writer.line(`let p = kept - size * m / (sqrt(v) / sqrt(${correction2}) + ${eps});`);
    writer.line(`${nextP}[thread] = ${stored("p", dtype)};`);
    writer.line(`${nextM}[thread] = ${stored("m", dtype)};`);
    writer.line(`${nextV}[thread] = ${stored("v", dtype)};`);
  });
  return [writer.finish(`adamw ${shown(shape)}`, LANES, groupsOf(count), merged)];
};
