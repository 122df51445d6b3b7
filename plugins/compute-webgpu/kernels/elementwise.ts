/** Kernels with one thread for each element: fused operations on elements and moves of elements. */
import { attributesOf, type DType, sizeOf, type Tensor } from "@resd/tensor";
import { Expression, stored } from "../expression.ts";
import { stridesOf, viewIndex } from "../index_map.ts";
import type { Kernel, ValueId } from "../schedule.ts";
import { outputOf, RootKernel, type Site } from "../site.ts";
import { type Target, Writer } from "../writer.ts";

/** Threads of a workgroup where threads do not meet. */
export const LANES = 64;

export const groupsOf = (threads: number): number => Math.ceil(threads / LANES);

/** Sizes as labels show them. */
export const shown = (shape: ReadonlyArray<number>): string => shape.join("x") || "1";

/** Most buffers that are read one number at a time by a kernel whose threads compute four elements each. */
const MOST_SINGLES = 2;

/** Buffers that four neighbours read as vectors, and how many they read otherwise. */
const vectorReads = (site: Site) => {
  const probe = new RootKernel(site);
  probe.storeFour("thread");
  const reads = [...probe.expression.reads];
  const vectors = new Set(reads.flatMap(([value, { fours }]) => (fours ? [value] : [])));
  return { vectors, others: reads.length - vectors.size };
};

/** Four neighbours by each thread: a vector is read and written for about what a number costs. */
const byFours = (
  site: Site,
  vectors: ReadonlySet<ValueId>,
  label: string,
  count: number,
): Kernel => {
  const kernel = new RootKernel(site, vectors);
  const { writer } = kernel;
  writer.block(`if (thread < ${writer.u(count / 4)})`, () => kernel.storeFour("thread"));
  return kernel.finish(label, LANES, groupsOf(count / 4), "thread");
};

/** The root's expression for each of its elements. */
export const elementwise = (site: Site): ReadonlyArray<Kernel> => {
  const root = outputOf(site.group.root);
  const count = sizeOf(root.shape);
  if (count === 0) return [];
  const label = `${root.node.op} ${shown(root.shape)}`;
  if (count % 4 === 0) {
    const { vectors, others } = vectorReads(site);
    if (vectors.size > 0 && others <= MOST_SINGLES) return [byFours(site, vectors, label, count)];
  }
  const kernel = new RootKernel(site);
  kernel.writer.block(`if (thread < ${kernel.writer.u(count)})`, () => kernel.store("thread"));
  return [kernel.finish(label, LANES, groupsOf(count), "thread")];
};

/** One value everywhere. */
export const fill = (
  target: Target,
  value: ValueId,
  count: number,
  dtype: DType,
  number: number,
): ReadonlyArray<Kernel> => {
  if (count === 0) return [];
  const writer = new Writer(target);
  const out = writer.buffer(value, dtype, "modify");
  writer.block(`if (thread < ${writer.u(count)})`, () =>
    writer.line(`${out}[thread] = ${stored(writer.literal(number, dtype), dtype)};`),
  );
  return [writer.finish(`fill ${count}`, LANES, groupsOf(count))];
};

/** The same elements in other storage. */
export const copy = (
  target: Target,
  from: ValueId,
  to: ValueId,
  count: number,
  dtype: DType,
): ReadonlyArray<Kernel> => {
  if (count === 0) return [];
  const writer = new Writer(target);
  const source = writer.buffer(from, dtype);
  const out = writer.buffer(to, dtype, "modify");
  writer.block(`if (thread < ${writer.u(count)})`, () =>
    writer.line(`${out}[thread] = ${source}[thread];`),
  );
  return [writer.finish(`copy ${count}`, LANES, groupsOf(count))];
};

/** Concatenates more parts than one kernel can bind: one kernel for each part. */
export const concatWide = (site: Site): ReadonlyArray<Kernel> => {
  const { root } = site.group;
  const { axis } = attributesOf(root, "concat");
  const { shape, dtype } = root.outputs[0]!;
  const strides = stridesOf(shape);
  let start = 0;
  return root.inputs.flatMap((part: Tensor) => {
    const count = sizeOf(part.shape);
    const offset = start * strides[axis]!;
    start += part.shape[axis]!;
    if (count === 0) return [];
    const writer = new Writer(site.target);
    const expression = new Expression(writer, site.storage);
    writer.block(`if (thread < ${writer.u(count)})`, () => {
      const to = viewIndex(writer, part.shape, "thread", strides, offset);
      const name = expression.at(part, "thread");
      const out = writer.buffer(site.value(outputOf(root)), dtype, "modify");
      writer.line(`${out}[${to}] = ${stored(name, dtype)};`);
    });
    return [writer.finish(`concat ${shown(part.shape)}`, LANES, groupsOf(count))];
  });
};
