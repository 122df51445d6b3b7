/** RMSNorm over the last axis, and its gradient: one kernel a pass, and two more for the gradient of the weight. */
import { attributesOf, sizeOf, type Tensor } from "@resd/tensor";
import type { Kernel, ValueId } from "../schedule.ts";
import { rowLanes } from "../select.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { groupsOf, LANES, shown } from "./elementwise.ts";
import { combine } from "./reduce.ts";

/** Rows that one thread adds for the gradient of the weight. */
const ROWS_A_PART = 32;

/** Rows of numbers, four at a time where their width allows it. */
interface Layout {
  readonly rows: number;
  readonly width: number;
  readonly step: 1 | 4;
}

const layoutOf = ({ shape }: Tensor): Layout => {
  const width = shape.at(-1)!;
  return { width, rows: sizeOf(shape) / width, step: width % 4 === 0 ? 4 : 1 };
};

/** Σ a·b of one element, or of four. */
const product = ({ step }: Layout, a: string, b: string): string =>
  step === 4 ? `dot(${a}, ${b})` : `${a} * ${b}`;

/** A kernel whose threads, or workgroups, have a row each; gives the body the loops over it and the sums of its lanes. */
class RowKernel {
  readonly writer: Writer;
  readonly layout: Layout;
  readonly #lanes: number;

  constructor(site: Site, x: Tensor) {
    this.writer = new Writer(site.target);
    this.layout = layoutOf(x);
    this.#lanes = rowLanes(site.target, this.layout.rows, this.layout.width);
  }

  /** The number of the row. */
  get row(): string {
    return this.#lanes === 1 ? "thread" : "group";
  }

  /** The buffer of a tensor, by steps. */
  read(site: Site, x: Tensor): string {
    return this.writer.buffer(site.value(x), x.dtype, "read", this.layout.step);
  }

  result(value: ValueId): string {
    return this.writer.buffer(value, "f32", "modify", this.layout.step);
  }

  /** Every step of this lane: `c` in the row, `i` in the tensor. */
  each(body: (c: string, i: string) => void): void {
    const { writer, layout } = this;
    const from = this.#lanes === 1 ? "0u" : "lane";
    const steps = writer.u(layout.width / layout.step);
    writer.block(`for (var c = ${from}; c < ${steps}; c += ${this.#lanes}u)`, () => {
      writer.line(`let i = ${this.row} * ${steps} + c;`);
      body("c", "i");
    });
  }

  /** The sum over all lanes of a variable. */
  total(variable: string): string {
    if (this.#lanes === 1) return variable;
    const array = `all_${variable}`;
    combine(this.writer, this.#lanes, "f32", variable, "sum", array);
    return this.writer.let(`${array}[0]`);
  }

  finish(label: string, body: () => void): Kernel {
    const { writer, layout } = this;
    const rows = writer.u(layout.rows);
    if (this.#lanes === 1) {
      writer.block(`if (thread < ${rows})`, body);
      return writer.finish(`${label} serial`, LANES, groupsOf(layout.rows));
    }
    writer.line(`if (group >= ${rows}) { return; }`);
    body();
    return writer.finish(`${label} ${this.#lanes} lanes`, this.#lanes, layout.rows);
  }
}

/** 1/√(Σ x²/D + eps). */
const reciprocal = ({ writer, layout }: RowKernel, squares: string, eps: number): string =>
  writer.let(`1.0 / sqrt(${squares} * ${writer.f(1 / layout.width)} + ${writer.f(eps)})`);

export const rmsNorm = (site: Site): ReadonlyArray<Kernel> => {
  const { root } = site.group;
  const [x, weight] = root.inputs as [Tensor, Tensor];
  const { eps } = attributesOf(root, "rmsNorm");
  const kernel = new RowKernel(site, x);
  const { writer, layout } = kernel;
  const [from, by] = [kernel.read(site, x), kernel.read(site, weight)];
  return [
    kernel.finish(`rmsNorm ${shown(x.shape)}`, () => {
      const squares = writer.variable("f32", "0.0");
      kernel.each((_, i) => {
        writer.line(`let x = ${from}[${i}];`);
        writer.line(`${squares} += ${product(layout, "x", "x")};`);
      });
      const r = reciprocal(kernel, kernel.total(squares), eps);
      const out = kernel.result(site.value(outputOf(root)));
      kernel.each((c, i) => writer.line(`${out}[${i}] = ${from}[${i}] * ${r} * ${by}[${c}];`));
    }),
  ];
};

/** dx, and the reciprocal root of each row for the gradient of the weight. */
const gradientOfRows = (site: Site, roots: ValueId): Kernel => {
  const { root } = site.group;
  const [x, weight, g] = root.inputs as [Tensor, Tensor, Tensor];
  const { eps } = attributesOf(root, "rmsNormGradient");
  const kernel = new RowKernel(site, x);
  const { writer, layout } = kernel;
  const [from, by, gradient] = [x, weight, g].map((one) => kernel.read(site, one));
  const rootsOut = writer.buffer(roots, "f32", "modify");
  return kernel.finish(`rmsNormGradient ${shown(x.shape)}`, () => {
    const squares = writer.variable("f32", "0.0");
    const along = writer.variable("f32", "0.0");
    kernel.each((c, i) => {
      writer.line(`let x = ${from}[${i}];`);
      writer.line(`${squares} += ${product(layout, "x", "x")};`);
      writer.line(`${along} += ${product(layout, `${gradient}[${i}]`, `(x * ${by}[${c}])`)};`);
    });
    const r = reciprocal(kernel, kernel.total(squares), eps);
    const share = writer.let(
      `${kernel.total(along)} * ${r} * ${r} * ${writer.f(1 / layout.width)}`,
    );
    const out = kernel.result(site.value(outputOf(root)));
    kernel.each((c, i) =>
      writer.line(
        `${out}[${i}] = ${r} * (${gradient}[${i}] * ${by}[${c}] - ${from}[${i}] * ${share});`,
      ),
    );
    const first = kernel.row === "thread" ? "" : "if (lane == 0u) ";
    writer.line(`${first}{ ${rootsOut}[${kernel.row}] = ${r}; }`);
  });
};

/** Sums over rows of g·x·r, a part of the rows a thread; then the sums of the parts, in order. */
const gradientOfWeight = (site: Site, roots: ValueId): ReadonlyArray<Kernel> => {
  const { root } = site.group;
  const [x, , g] = root.inputs as [Tensor, Tensor, Tensor];
  const { rows, width, step } = layoutOf(x);
  const type = step === 4 ? "vec4<f32>" : "f32";
  const [columns, parts] = [width / step, Math.ceil(rows / ROWS_A_PART)];
  const result = site.value(outputOf(root, 1));
  const partial = parts === 1 ? result : site.scratch("partial dweight", parts * width, "f32");
  const first = new Writer(site.target);
  first.block(`if (thread < ${first.u(columns * parts)})`, () => {
    const column = first.let(`thread % ${first.u(columns)}`);
    const from = first.let(`thread / ${first.u(columns)} * ${ROWS_A_PART}u`);
    const [xs, gs] = [x, g].map((one) => first.buffer(site.value(one), "f32", "read", step));
    const known = first.buffer(roots, "f32");
    const total = first.variable(type, `${type}()`);
    first.block(
      `for (var row = ${from}; row < min(${from} + ${ROWS_A_PART}u, ${first.u(rows)}); row++)`,
      () => {
        first.line(`let i = row * ${first.u(columns)} + ${column};`);
        first.line(`${total} += ${gs}[i] * ${xs}[i] * ${known}[row];`);
      },
    );
    first.line(`${first.buffer(partial, "f32", "modify", step)}[thread] = ${total};`);
  });
  const label = `rmsNormGradient of weight ${shown(x.shape)}`;
  const kernels = [first.finish(`${label}, parts`, LANES, groupsOf(columns * parts))];
  if (parts === 1) return kernels;
  const second = new Writer(site.target);
  second.block(`if (thread < ${second.u(columns)})`, () => {
    const from = second.buffer(partial, "f32", "read", step);
    const total = second.variable(type, `${type}()`);
    second.line(
      `for (var part = 0u; part < ${second.u(parts)}; part++) { ${total} += ${from}[part * ${second.u(columns)} + thread]; }`,
    );
    second.line(`${second.buffer(result, "f32", "modify", step)}[thread] = ${total};`);
  });
  return [...kernels, second.finish(label, LANES, groupsOf(columns))];
};

export const rmsNormGradient = (site: Site): ReadonlyArray<Kernel> => {
  const { root } = site.group;
  const [x] = root.inputs as [Tensor];
  const roots = site.scratch("reciprocal roots", layoutOf(x).rows, "f32");
  const ofWeight = site.used(outputOf(root, 1));
  return [gradientOfRows(site, roots), ...(ofWeight ? gradientOfWeight(site, roots) : [])];
};
