/** Where the results of a product's kernels go: to the group's root, or to the parts of a sum that follows. */
import type { Kernel, ValueId } from "./schedule.ts";
import { outputOf, RootKernel, type Site } from "./site.ts";
import { type Product, type Side, sidesOf } from "./product.ts";
import { Writer } from "./writer.ts";

export interface ProductOutput {
  readonly writer: Writer;
  readonly sides: readonly [Side, Side];
  /** Whether four results of neighbouring columns are stored at once. */
  readonly fours: boolean;
  /** Stores the sum of position `i`; the position must be a name, and the same one in all calls. */
  readonly store: (i: string, sum: string) => void;
  /** Stores sums of the positions 4·`quarter` to 4·`quarter` + 3. */
  readonly storeFour: (quarter: string, sums: string) => void;
  readonly finish: (label: string, lanes: number, groups: number) => Kernel;
}

/** The name under which positions of a product's results are stored. */
const POSITION = "i";

/** Results pass through what follows the product and are stored; where nothing follows, by fours. */
export const rootOutput = (site: Site, product: Product): ProductOutput => {
  const kernel = new RootKernel(site);
  const { writer } = kernel;
  const core = site.group.core!;
  const { dtype } = core.outputs[0]!;
  const sides = sidesOf(site, product);
  const scaled = (sum: string): string =>
    product.alpha === 1 ? sum : writer.let(`${sum} * ${writer.f(product.alpha)}`);
  return {
    writer,
    sides,
    fours: site.group.root === core && product.N % 4 === 0,
    store: (i, sum) => kernel.store(i, scaled(sum)),
    storeFour: (quarter, sums) => {
      const out = writer.buffer(site.value(outputOf(core)), dtype, "modify", 4);
      const result = scaled(sums);
      writer.line(`${out}[${quarter}] = ${dtype === "f16" ? `vec4<f16>(${result})` : result};`);
    },
    finish: (label, lanes, groups) =>
      kernel.finish(label, lanes, groups, POSITION, [sides[0].value, sides[1].value]),
  };
};

/**
 * Sums of a part of the inner dimension, as they are; positions count all parts, one whole result after another. `wide`:
 * the kernel stores four at once where it can.
 */
export const partOutput = (
  site: Site,
  product: Product,
  value: ValueId,
  wide: boolean,
): ProductOutput => {
  const writer = new Writer(site.target);
  const fours = wide && product.N % 4 === 0;
  const out = (): string => writer.buffer(value, "f32", "modify", fours ? 4 : 1);
  return {
    writer,
    sides: sidesOf(site, product),
    fours,
    store: (i, sum) => writer.line(`${out()}[${i}] = ${sum};`),
    storeFour: (quarter, sums) => writer.line(`${out()}[${quarter}] = ${sums};`),
    finish: (label, lanes, groups) => writer.finish(label, lanes, groups),
  };
};

/**
 * Stores a block of sums that one thread holds as vectors of four columns each: `rows` lines of `vectors`, row `r` and
 * vector `v` at the positions that the functions give. What reaches beyond the result is left out.
 */
export const storeBlock = (
  output: ProductOutput,
  product: Product,
  block: {
    /** Position of the matrix of this part and batch. */
    readonly base: string;
    /** `sums[r][v]`, by name. */
    readonly sums: ReadonlyArray<ReadonlyArray<string>>;
    readonly row: (r: string) => string;
    readonly column: (v: string) => string;
  },
): void => {
  const { writer } = output;
  const { M, N } = product;
  const { base, sums, row, column } = block;
  const vectors = sums[0]!.length;
  const [height, width] = [writer.u(M), writer.u(N)];
  const start = base === "0u" ? "" : `${base} + `;
  if (output.fours) {
    sums.forEach((line, r) => {
      const at = writer.let(row(`${r}u`));
      writer.block(`if (${at} < ${height})`, () =>
        line.forEach((sum, v) => {
          const from = writer.let(column(`${v}u`));
          writer.block(`if (${from} < ${width})`, () =>
            output.storeFour(writer.let(`(${start}${at} * ${width} + ${from}) / 4u`), sum),
          );
        }),
      );
    });
    return;
  }
  const all = sums.flat();
  writer.line(`var results = array<vec4<f32>, ${all.length}>(${all.join(", ")});`);
  writer.block(`for (var e = 0u; e < ${4 * all.length}u; e++)`, () => {
    const r = writer.let(`e / ${4 * vectors}u`);
    const v = writer.let(`e / 4u % ${vectors}u`);
    const at = writer.let(row(r));
    const over = writer.let(`${column(v)} + e % 4u`);
    writer.block(`if (${at} < ${height} && ${over} < ${width})`, () => {
      writer.line(`let ${POSITION} = ${start}${at} * ${width} + ${over};`);
      writer.line(`let result = results[e / 4u][e % 4u];`);
      output.store(POSITION, "result");
    });
  });
};
