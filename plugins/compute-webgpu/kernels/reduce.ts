/** Sums and maxima over axes of an expression, their results passing through further operations on each element. */
import { attributesOf, type DType, type Node, type Shape, sizeOf, type Tensor } from "@resd/tensor";
import { Expression, stored, typeOf } from "../expression.ts";
import { stridesOf, viewIndex } from "../index_map.ts";
import type { Kernel, ValueId } from "../schedule.ts";
import { reduceVariant, rowVariant } from "../select.ts";
import { outputOf, RootKernel, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { fill, groupsOf, LANES, shown } from "./elementwise.ts";

export const joinOf =
  (op: "sum" | "max") =>
  (a: string, b: string): string =>
    op === "sum" ? `${a} + ${b}` : `max(${a}, ${b})`;

/** What the lanes of a workgroup have of one total, and the array in which they meet. */
export interface Share {
  readonly type: string;
  readonly op: "sum" | "max";
  /** The name of a lane's own part. */
  readonly own: string;
  readonly array: string;
}

/** Within subgroups first, of which each leaves one number; lanes of a subgroup lie beside each other. */
const combineSubgroups = (writer: Writer, lanes: number, shares: ReadonlyArray<Share>): void => {
  writer.subgroups();
  writer.block("", () => {
    shares.forEach(({ op, own }, n) =>
      writer.line(`let part_${n} = ${op === "sum" ? "subgroupAdd" : "subgroupMax"}(${own});`),
    );
    writer.block("if (subgroupLane == 0u)", () =>
      shares.forEach(({ array }, n) => writer.line(`${array}[lane / subgroupSize] = part_${n};`)),
    );
    writer.line("workgroupBarrier();");
    writer.block("if (lane == 0u)", () => {
      for (const { op, array } of shares) {
        writer.block("", () => {
          writer.line(`var joined_ = ${array}[0];`);
          writer.line(
            `for (var n = 1u; n < ${lanes}u / subgroupSize; n++) { joined_ = ${joinOf(op)("joined_", `${array}[n]`)}; }`,
          );
          writer.line(`${array}[0] = joined_;`);
        });
      }
    });
    writer.line("workgroupBarrier();");
  });
};

/** Combines what all lanes have of some totals; every lane may read each total from the first element of its array. */
export const combineAll = (writer: Writer, lanes: number, shares: ReadonlyArray<Share>): void => {
  for (const { array, type } of shares) {
    writer.declare(`var<workgroup> ${array}: array<${type}, ${lanes}>;`);
  }
  if (rowVariant(writer.target) === "subgroups") return combineSubgroups(writer, lanes, shares);
  for (const { array, own } of shares) writer.line(`${array}[lane] = ${own};`);
  writer.line("workgroupBarrier();");
  writer.block(`for (var half = ${lanes / 2}u; half > 0u; half = half / 2u)`, () => {
    writer.block("if (lane < half)", () => {
      for (const { op, array } of shares) {
        writer.line(`${array}[lane] = ${joinOf(op)(`${array}[lane]`, `${array}[lane + half]`)};`);
      }
    });
    writer.line("workgroupBarrier();");
  });
};

/** Combines one total. */
export const combine = (
  writer: Writer,
  lanes: number,
  type: string,
  own: string,
  op: "sum" | "max",
  array = "shared_",
): void => combineAll(writer, lanes, [{ type, own, op, array }]);

/** Where the elements that make one result lie. */
interface Layout {
  readonly op: "sum" | "max";
  readonly count: number;
  readonly length: number;
  /** The position of element `r` of result `o`. */
  readonly position: (writer: Writer, o: string, r: string) => string;
}

const layoutOf = (core: Node): Layout => {
  const op = core.op as "sum" | "max";
  const { shape } = core.inputs[0]!;
  const { axes } = attributesOf(core, op);
  const strides = stridesOf(shape);
  const pick = (inside: boolean) =>
    shape.flatMap((size, axis) => (axes.includes(axis) === inside ? [[size, strides[axis]!]] : []));
  const [kept, reduced] = [pick(false), pick(true)];
  const along = (writer: Writer, list: ReadonlyArray<ReadonlyArray<number>>, flat: string) =>
    viewIndex(
      writer,
      list.map(([size]) => size!),
      flat,
      list.map(([, stride]) => stride!),
    );
  return {
    op,
    count: sizeOf(kept.map(([size]) => size!)),
    length: sizeOf(reduced.map(([size]) => size!)),
    position: (writer, o, r) => {
      const base = along(writer, kept, o);
      const inside = along(writer, reduced, r);
      return base === "0u" ? inside : writer.let(`${base} + ${inside}`);
    },
  };
};

/**
 * Writes the loop of one thread over `from`, from + step, … below `to`, and gives the name of its partial result.
 * A maximum begins with an element that it will meet again, so no number has to stand for nothing.
 */
const accumulate = (
  writer: Writer,
  { op, dtype }: { readonly op: "sum" | "max"; readonly dtype: DType },
  element: (r: string) => string,
  range: {
    readonly from: string;
    readonly to: string;
    readonly step: string;
    readonly any: string;
  },
): string => {
  const total = writer.variable(typeOf(dtype), dtype === "i32" ? "0" : "0.0");
  if (op === "max") writer.block("", () => writer.line(`${total} = ${element(range.any)};`));
  const r = `r${total}`;
  writer.block(`for (var ${r} = ${range.from}; ${r} < ${range.to}; ${r} += ${range.step})`, () => {
    const next = element(r);
    writer.line(`${total} = ${joinOf(op)(total, next)};`);
  });
  return total;
};

/** Partial results of long reductions: `parts` of each result, one after another. */
const partial = (
  site: Site,
  core: Node,
  layout: Layout,
  parts: number,
): readonly [ValueId, Kernel] => {
  const [x] = core.inputs as [Tensor];
  const { count, length } = layout;
  const chunk = Math.ceil(length / parts);
  const value = site.scratch(`partial ${core.op}`, count * parts, x.dtype);
  const writer = new Writer(site.target);
  const expression = new Expression(writer, site.storage);
  const lanes = site.target.software ? LANES : 256;
  const tree = rowVariant(site.target) !== "serial";
  const unit = tree ? "group" : "thread";
  const body = (): void => {
    const o = writer.let(`${unit} / ${writer.u(parts)}`);
    const from = writer.let(`${unit} % ${writer.u(parts)} * ${writer.u(chunk)}`);
    const to = writer.let(`min(${from} + ${writer.u(chunk)}, ${writer.u(length)})`);
    const total = accumulate(
      writer,
      { op: layout.op, dtype: x.dtype },
      (r) => expression.at(x, layout.position(writer, o, r)),
      {
        from: tree ? writer.let(`${from} + lane`) : from,
        to,
        step: tree ? `${lanes}u` : "1u",
        any: `min(${from}, ${writer.u(length - 1)})`,
      },
    );
    const out = writer.buffer(value, x.dtype, "modify");
    if (tree) {
      combine(writer, lanes, typeOf(x.dtype), total, layout.op);
      writer.block("if (lane == 0u)", () =>
        writer.line(`${out}[${unit}] = ${stored("shared_[0]", x.dtype)};`),
      );
    } else writer.line(`${out}[${unit}] = ${stored(total, x.dtype)};`);
  };
  if (tree) {
    writer.line(`if (group >= ${writer.u(count * parts)}) { return; }`);
    body();
  } else writer.block(`if (thread < ${writer.u(count * parts)})`, body);
  const label = `partial ${core.op} ${shown(x.shape)}`;
  const units = count * parts;
  return [value, writer.finish(label, lanes, tree ? units : groupsOf(units))];
};

/** The reduction of `site.group.core` and what follows it. */
export const reduce = (site: Site): ReadonlyArray<Kernel> => {
  const core = site.group.core!;
  const [x] = core.inputs as [Tensor];
  const layout = layoutOf(core);
  const { op, count, length } = layout;
  if (count === 0) return [];
  const { dtype } = x;
  const { tree, parts } = reduceVariant(site.target, count, length);
  const before: Array<Kernel> = [];
  let element: (kernel: RootKernel, o: string, r: string) => string = (kernel, o, r) =>
    kernel.expression.at(x, layout.position(kernel.writer, o, r));
  let steps = length;
  if (parts > 1) {
    const [value, first] = partial(site, core, layout, parts);
    before.push(first);
    steps = parts;
    element = ({ writer, expression }, o, r) =>
      expression.load(value, dtype, writer.let(`${o} * ${writer.u(parts)} + ${r}`));
  }
  const kernel = new RootKernel(site);
  const { writer } = kernel;
  const label = `${op} ${tree ? "tree" : "serial"} ${shown(x.shape)}`;
  if (!tree) {
    writer.block(`if (thread < ${writer.u(count)})`, () => {
      const total = accumulate(writer, { op, dtype }, (r) => element(kernel, "thread", r), {
        from: "0u",
        to: writer.u(steps),
        step: "1u",
        any: "0u",
      });
      kernel.store("thread", writer.let(`${total} + ${dtype === "i32" ? "0" : "0.0"}`));
    });
    return [...before, kernel.finish(label, LANES, groupsOf(count), "thread")];
  }
  const lanes = site.target.software ? LANES : 256;
  writer.line(`if (group >= ${writer.u(count)}) { return; }`);
  const total = accumulate(writer, { op, dtype }, (r) => element(kernel, "group", r), {
    from: "lane",
    to: writer.u(steps),
    step: `${lanes}u`,
    any: "0u",
  });
  combine(writer, lanes, typeOf(dtype), total, op);
  writer.block("if (lane == 0u)", () => kernel.store("group", writer.let("shared_[0]")));
  return [...before, kernel.finish(label, lanes, count, "group")];
};

/** The sum of nothing. */
export const emptySum = (site: Site, shape: Shape, dtype: DType): ReadonlyArray<Kernel> =>
  fill(site.target, site.value(outputOf(site.group.root)), sizeOf(shape), dtype, 0);
