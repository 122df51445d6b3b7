/**
 * Sums of many tensors, each to one number, as the norms of gradients are: a kernel adds up parts of as many tensors as it may bind, a second
 * one the parts of each, the first part first. So small tensors do not cost a kernel or two apiece.
 */
import { sizeOf, type Tensor } from "@resd/tensor";
import { Expression } from "../expression.ts";
import type { Kernel, ValueId } from "../schedule.ts";
import { rowThreads, rowVariant, totalParts } from "../select.ts";
import { outputOf, type Site } from "../site.ts";
import { type Target, Writer } from "../writer.ts";
import { combine } from "./reduce.ts";

/** One sum: its elements, and where the sums of its parts lie among those of all. */
interface Total {
  readonly site: Site;
  readonly x: Tensor;
  readonly length: number;
  readonly parts: number;
  readonly start: number;
}

/** Lanes of a workgroup on GPUs, which have a part or a result together. */
const TREE_LANES = 256;

/** One kernel in which every unit, a thread or a workgroup, adds up a run of elements. */
class UnitKernel {
  readonly writer: Writer;
  readonly unit: "thread" | "group";
  readonly sum: string;
  readonly #lanes: number;
  readonly #units: number;

  constructor(target: Target, units: number) {
    this.writer = new Writer(target);
    this.unit = rowVariant(target) === "serial" ? "thread" : "group";
    this.#lanes = this.unit === "thread" ? rowThreads(target, units) : TREE_LANES;
    this.#units = units;
    this.sum = this.writer.variable("f32", "0.0");
  }

  /** Adds the elements from `from` on, below `to`. */
  add(from: string, to: string, element: (i: string) => string): void {
    const { writer, sum } = this;
    const [first, step] =
      this.unit === "thread" ? [from, "1u"] : [`${from} + lane`, `${this.#lanes}u`];
    writer.block(`for (var i = ${first}; i < ${to}; i += ${step})`, () => {
      const next = element("i");
      writer.line(`${sum} += ${next};`);
    });
  }

  /** What a unit does with its sum. */
  finish(label: string, store: (sum: string) => void): Kernel {
    const { writer, unit, sum } = this;
    if (unit === "thread") {
      writer.block(`if (thread < ${writer.u(this.#units)})`, () => store(sum));
      return writer.finish(label, this.#lanes, Math.ceil(this.#units / this.#lanes));
    }
    combine(writer, this.#lanes, "f32", sum, "sum");
    const real = `lane == 0u && group < ${writer.u(this.#units)}`;
    writer.block(`if (${real})`, () => store("shared_[0]"));
    return writer.finish(label, this.#lanes, this.#units);
  }
}

const range = (units: string, from: string, to: string): string =>
  `${units} >= ${from} && ${units} < ${to}`;

/** The sums of all parts of some tensors, which follow one another in `partial`. */
const addParts = (target: Target, totals: ReadonlyArray<Total>, partial: ValueId): Kernel => {
  const [{ start }] = totals as [Total];
  const units = totals.reduce((sum, { parts }) => sum + parts, 0);
  const kernel = new UnitKernel(target, units);
  const { writer, unit } = kernel;
  for (const { site, x, length, parts, start: own } of totals) {
    const before = own - start;
    writer.block(`if (${range(unit, writer.u(before), writer.u(before + parts))})`, () => {
      const chunk = writer.u(Math.ceil(length / parts));
      const from = writer.let(`(${unit} - ${writer.u(before)}) * ${chunk}`);
      const to = writer.let(`min(${from} + ${chunk}, ${writer.u(length)})`);
      const expression = new Expression(writer, site.storage);
      kernel.add(from, to, (i) => expression.at(x, i));
    });
  }
  return kernel.finish(`sums of parts, ${totals.length} tensors`, (sum) =>
    writer.line(
      `${writer.buffer(partial, "f32", "modify")}[${unit} + ${writer.u(start)}] = ${sum};`,
    ),
  );
};

/** The results, each from its parts. */
const addTotals = (target: Target, totals: ReadonlyArray<Total>, partial: ValueId): Kernel => {
  const kernel = new UnitKernel(target, totals.length);
  const { writer, unit } = kernel;
  const name = writer.buffer(partial, "f32");
  const from = writer.variable("u32", "0u");
  const to = writer.variable("u32", "0u");
  totals.forEach(({ start, parts }, n) =>
    writer.line(
      `if (${unit} == ${n}u) { ${from} = ${writer.u(start)}; ${to} = ${writer.u(start + parts)}; }`,
    ),
  );
  kernel.add(from, to, (i) => `${name}[${i}]`);
  return kernel.finish(`sums of ${totals.length} tensors`, (sum) =>
    totals.forEach(({ site }, n) => {
      const result = writer.buffer(site.value(outputOf(site.group.root)), "f32", "modify");
      writer.line(`if (${unit} == ${n}u) { ${result}[0] = ${sum}; }`);
    }),
  );
};

/** Runs of as many totals as one kernel may bind buffers for. */
const runsOf = (
  totals: ReadonlyArray<Total>,
  buffers: number,
  bound: (total: Total) => number,
): ReadonlyArray<ReadonlyArray<Total>> => {
  const runs: Array<Array<Total>> = [];
  let free = 0;
  for (const total of totals) {
    const needed = bound(total);
    if (needed > free || runs.length === 0) {
      runs.push([]);
      free = buffers;
    }
    runs.at(-1)!.push(total);
    free -= needed;
  }
  return runs;
};

/** The sums of some tensors, none of which is empty. */
export const totals = (sites: readonly [Site, ...ReadonlyArray<Site>]): ReadonlyArray<Kernel> => {
  const [{ target, scratch }] = sites;
  let start = 0;
  const all = sites.map((site): Total => {
    const [x] = site.group.core!.inputs as [Tensor];
    const length = sizeOf(x.shape);
    const parts = totalParts(target, length);
    const total = { site, x, length, parts, start };
    start += parts;
    return total;
  });
  const partial = scratch("sums of parts", start, "f32");
  // One buffer holds the sums of parts.
  const free = target.maxBuffers - 1;
  return [
    ...runsOf(all, free, ({ site }) => site.group.reads.size).map((run) =>
      addParts(target, run, partial),
    ),
    ...runsOf(all, free, () => 1).map((run) => addTotals(target, run, partial)),
  ];
};
