/**
 * Products without shared memory: each thread computes a tile of up to 8 rows and 8 columns in registers. Operands are read
 * four numbers at a time where their layout allows it.
 */
import { type Tensor } from "@resd/tensor";
import type { DirectPlan } from "../product_plan.ts";
import { layoutOf, matrixStart, type Product, shownProduct, sidesOf } from "../product.ts";
import type { Kernel } from "../schedule.ts";
import { outputOf, RootKernel, type Site } from "../site.ts";
import type { Writer } from "../writer.ts";
import { groupsOf, LANES } from "./elementwise.ts";

/** How an operand is read. */
interface Operand {
  readonly name: string;
  /** Numbers a read: 4 along its last axis, or 1. */
  readonly width: 1 | 4;
  readonly start: string;
  readonly half: boolean;
}

const reader =
  (x: Operand) =>
  (index: string): string => {
    const element = `${x.name}[${index}]`;
    if (!x.half) return element;
    return x.width === 4 ? `vec4<f32>(${element})` : `f32(${element})`;
  };

/** Numbers a read of each operand: fours where the reader of each knows what to do with them. */
const widthsOf = (site: Site, product: Product, tile: DirectPlan): readonly [1 | 4, 1 | 4] => {
  const { transA, transB, M, N, K } = product;
  const [left, right] = sidesOf(site, product);
  // Vectors across rows or columns must not reach beyond the last one.
  const wideA = left.width === 4 && (!transA || (tile.rows >= 4 && M % tile.rows === 0));
  const wideB = right.width === 4 && (transB || N % tile.columns === 0);
  const both = wideA && wideB && K % 4 === 0;
  if (left.value === right.value) return both ? [4, 4] : [1, 1];
  // Sums of 8 columns leave a processor no registers for four steps of the left operand at once.
  if (!transB && tile.columns === 8) return [wideA && transA ? 4 : 1, wideB ? 4 : 1];
  // Along the inner dimension vectors are of use only when both have them; across it each for itself.
  return [both || (wideA && transA) ? 4 : 1, both || (wideB && !transB) ? 4 : 1];
};

const LETTERS = "xyzw";
const FOUR = [0, 1, 2, 3] as const;

const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i);

export const matMulDirect = (site: Site, product: Product, tile: DirectPlan): Kernel => {
  const core = site.group.core!;
  const { a, b, alpha, leading, batch, M, N } = product;
  const alone = site.group.root === core;
  const [valueA, valueB] = [site.value(a), site.value(b)];
  const [widthA, widthB] = widthsOf(site, product, tile);

  const kernel = new RootKernel(site);
  const { writer } = kernel;
  const columns = Math.ceil(N / tile.columns);
  const rows = Math.ceil(M / tile.rows);
  const threads = columns * rows * batch;
  const { dtype } = core.outputs[0]!;
  writer.block(`if (thread < ${writer.u(threads)})`, () => {
    const column = writer.let(`${writer.let(`thread % ${writer.u(columns)}`)} * ${tile.columns}u`);
    const above = writer.let(`thread / ${writer.u(columns)}`);
    const row = writer.let(`${writer.let(`${above} % ${writer.u(rows)}`)} * ${tile.rows}u`);
    const number = batch === 1 ? "0u" : writer.let(`${above} / ${writer.u(rows)}`);
    const operand = (x: Tensor, value: number, width: 1 | 4): Operand => {
      const start = matrixStart(writer, x, leading, number);
      return {
        name: writer.buffer(value, x.dtype, "read", width),
        width,
        start: width === 4 && start !== "0u" ? writer.let(`${start} / 4u`) : start,
        half: x.dtype === "f16",
      };
    };
    const left = operand(a, valueA, widthA);
    const right = operand(b, valueB, widthB);
    const sums = range(tile.rows).map(() =>
      range(tile.columns / 4).map(() => writer.variable("vec4<f32>", "vec4<f32>()")),
    );
    inner(writer, product, left, right, sums, row, column);
    const scaled = sums.map((line) =>
      line.map((sum) => (alpha === 1 ? sum : writer.let(`${sum} * ${writer.f(alpha)}`))),
    );
    const before = number === "0u" ? "" : `${number} * ${writer.u(M * N)} + `;
    const base = writer.let(`${before}${row} * ${writer.u(N)} + ${column}`);
    if (alone && N % tile.columns === 0) {
      const out = writer.buffer(site.value(outputOf(core)), dtype, "modify", 4);
      scaled.forEach((line, r) => {
        const stores = line
          .map(
            (sum, block) =>
              `${out}[(${base} + ${writer.u(r * N)}) / 4u + ${block}u] = ${dtype === "f16" ? `vec4<f16>(${sum})` : sum};`,
          )
          .join(" ");
        if (r === 0 || M % tile.rows === 0) writer.line(stores);
        else writer.block(`if (${row} + ${r}u < ${writer.u(M)})`, () => writer.line(stores));
      });
      return;
    }
    const blocks = tile.columns / 4;
    writer.line(
      `var results = array<vec4<f32>, ${tile.rows * blocks}>(${scaled.flat().join(", ")});`,
    );
    writer.block(`for (var r = 0u; r < min(${tile.rows}u, ${writer.u(M)} - ${row}); r++)`, () =>
      writer.block(
        `for (var c = 0u; c < min(${tile.columns}u, ${writer.u(N)} - ${column}); c++)`,
        () => {
          writer.line(`let i = ${base} + r * ${writer.u(N)} + c;`);
          writer.line(`let result = results[r * ${blocks}u + c / 4u][c % 4u];`);
          kernel.store("i", "result");
        },
      ),
    );
  });
  const label = `matMul ${layoutOf(product)} direct ${tile.rows}x${tile.columns} ${shownProduct(product)}`;
  return kernel.finish(label, LANES, groupsOf(threads), "i", [valueA, valueB]);
};

/** The loop over the inner dimension: by fours where both operands have vectors along it, else one number at a time. */
const inner = (
  writer: Writer,
  { transA, transB, M, N, K }: Product,
  left: Operand,
  right: Operand,
  sums: ReadonlyArray<ReadonlyArray<string>>,
  row: string,
  column: string,
): void => {
  const [a, b] = [reader(left), reader(right)];
  const blocks = sums[0]!.length;
  const rows = sums.map((_, r) =>
    writer.let(r === 0 ? row : `min(${row} + ${r}u, ${writer.u(M - 1)})`),
  );
  const columns = range(4 * blocks).map((c) =>
    writer.let(c === 0 ? column : `min(${column} + ${c}u, ${writer.u(N - 1)})`),
  );
  const from = (x: Operand, index: string): string =>
    writer.let(x.start === "0u" ? index : `${x.start} + ${index}`);
  const lines = (x: Operand, positions: ReadonlyArray<string>, size: number) =>
    positions.map((position) => from(x, `${position} * ${writer.u(size)}`));
  /** The vectors across an operand's last axis, from `start` on, of line `k`. */
  const across = (
    read: (index: string) => string,
    start: string,
    count: number,
    k: string,
    size: number,
  ) => {
    const line = writer.let(`${start} + ${k} * ${writer.u(size / 4)}`);
    return range(count).map((block) => writer.let(read(`${line} + ${block}u`)));
  };
  const startA = left.width === 4 && transA ? from(left, `${row} / 4u`) : "";
  const startB = right.width === 4 && !transB ? from(right, `${column} / 4u`) : "";
  const height = Math.ceil(sums.length / 4);

  if (left.width === 4 && right.width === 4 && (!transA || transB)) {
    const startsA = transA ? [] : lines(left, rows, K / 4);
    const startsB = transB ? lines(right, columns, K / 4) : [];
    writer.block(`for (var k = 0u; k < ${writer.u(K / 4)}; k++)`, () => {
      const down = transA ? FOUR.map((j) => across(a, startA, height, `(4u * k + ${j}u)`, M)) : [];
      const alongA = sums.map((_, r) =>
        writer.let(
          transA
            ? `vec4<f32>(${down.map((parts) => `${parts[r >> 2]}.${LETTERS[r & 3]}`).join(", ")})`
            : a(`${startsA[r]} + k`),
        ),
      );
      if (transB) {
        const alongB = startsB.map((start) => writer.let(b(`${start} + k`)));
        sums.forEach((line, r) =>
          line.forEach((sum, block) => {
            const dots = FOUR.map((j) => `dot(${alongA[r]}, ${alongB[4 * block + j]})`);
            writer.line(`${sum} += vec4<f32>(${dots.join(", ")});`);
          }),
        );
        return;
      }
      for (const j of FOUR) {
        const parts = across(b, startB, blocks, `(4u * k + ${j}u)`, N);
        sums.forEach((line, r) =>
          line.forEach((sum, block) =>
            writer.line(`${sum} += ${alongA[r]}.${LETTERS[j]} * ${parts[block]};`),
          ),
        );
      }
    });
    return;
  }
  const scalars = (
    x: Operand,
    read: (index: string) => string,
    isAcross: boolean,
    positions: ReadonlyArray<string>,
    size: number,
  ): ReadonlyArray<string> => {
    const starts = isAcross ? positions.map((at) => from(x, at)) : lines(x, positions, K);
    return starts.map((start) => `${start} + k${isAcross ? ` * ${writer.u(size)}` : ""}`).map(read);
  };
  const plainA = left.width === 1 ? scalars(left, a, transA, rows, M) : [];
  const plainB = right.width === 1 ? scalars(right, b, !transB, columns, N) : [];
  writer.block(`for (var k = 0u; k < ${writer.u(K)}; k++)`, () => {
    const vectorsA = startA === "" ? [] : across(a, startA, height, "k", M);
    const ofA =
      startA === ""
        ? plainA.map((element) => writer.let(element))
        : sums.map((_, r) => `${vectorsA[r >> 2]}.${LETTERS[r & 3]}`);
    const single = plainB.map((element) => writer.let(element));
    const parts =
      startB === ""
        ? range(blocks).map((block) =>
            writer.let(`vec4<f32>(${single.slice(4 * block, 4 * block + 4).join(", ")})`),
          )
        : across(b, startB, blocks, "k", N);
    sums.forEach((line, r) =>
      line.forEach((sum, block) => writer.line(`${sum} += ${ofA[r]} * ${parts[block]};`)),
    );
  });
};
