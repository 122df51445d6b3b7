/**
 * Products whose subgroups share what they read: each lane adds up 16 rows of four columns, one subgroup apart, so that its
 * neighbours have the columns between. Of the left operand every lane reads other rows, and hands them on to all.
 *
 * For processors: they read the lanes of a subgroup one after another wherever these lie, so that of all that an inner loop does
 * reads are the dearest, and numbers that are handed on cost next to nothing.
 */
import type { Tensor } from "@resd/tensor";
import { layoutOf, matrixStart, type Product, shownProduct } from "../product.ts";
import { subgroupTile } from "../product_plan.ts";
import type { Kernel } from "../schedule.ts";
import { RootKernel, type Site } from "../site.ts";

/** Threads of a workgroup: few, so that few tiles still keep all cores busy. */
const LANES = 16;

const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i);

export const matMulSubgroup = (site: Site, product: Product): Kernel => {
  const { a, b, transA, transB, alpha, leading, batch, M, N, K } = product;
  const { subgroup } = site.target;
  const kernel = new RootKernel(site);
  const { writer } = kernel;
  writer.enable("subgroups");
  // All lanes of a subgroup have the same tile, and so end together, as nothing here can prove.
  writer.trust("subgroup_uniformity");
  const tile = subgroupTile(subgroup);
  const [rows, columns] = [Math.ceil(M / tile.rows), Math.ceil(N / tile.columns)];
  const threads = rows * columns * batch * subgroup;
  writer.block(`if (thread < ${writer.u(threads)})`, () => {
    const member = writer.let(`lane % ${subgroup}u`);
    const shared = writer.let(`thread / ${subgroup}u`);
    const column = writer.let(`${shared} % ${writer.u(columns)} * ${tile.columns}u + ${member}`);
    const above = writer.let(`${shared} / ${writer.u(columns)}`);
    const row = writer.let(`${above} % ${writer.u(rows)} * ${tile.rows}u`);
    const number = batch === 1 ? "0u" : writer.let(`${above} / ${writer.u(rows)}`);
    /** Reads of an operand at an inner step, one for each line; lines beyond the last repeat it. */
    const reads = (x: Tensor, along: boolean, lines: ReadonlyArray<string>, count: number) => {
      const name = writer.buffer(site.value(x), x.dtype);
      const start = matrixStart(writer, x, leading, number);
      const from = start === "0u" ? "" : `${start} + `;
      const starts = lines.map((line) => {
        const inside = writer.let(`min(${line}, ${writer.u(count - 1)})`);
        return writer.let(`${from}${inside}${along ? ` * ${writer.u(K)}` : ""}`);
      });
      return (k: string) =>
        starts.map((at) => {
          const element = `${name}[${at} + ${along ? k : `${k} * ${writer.u(count)}`}]`;
          return writer.let(x.dtype === "f16" ? `f32(${element})` : element);
        });
    };
    const ownRows = range(tile.rows / subgroup).map((i) => `${row} + ${i * subgroup}u + ${member}`);
    const ownColumns = range(4).map((j) => `${column} + ${j * subgroup}u`);
    const left = reads(a, !transA, ownRows, M);
    const right = reads(b, transB, ownColumns, N);
    const sums = range(tile.rows).map(() => writer.variable("vec4<f32>", "vec4<f32>()"));
    const step = (k: string): void => {
      const own = left(k);
      const numbers = writer.let(`vec4<f32>(${right(k).join(", ")})`);
      sums.forEach((sum, r) => {
        const from = `subgroupBroadcast(${own[Math.floor(r / subgroup)]}, ${r % subgroup}u)`;
        writer.line(`${sum} += ${from} * ${numbers};`);
      });
    };
    // What a round costs besides its steps is shared by two of them where steps are short.
    const steps = subgroup === 4 && K % 2 === 0 ? 2 : 1;
    writer.block(`for (var k = 0u; k < ${writer.u(K)}; k += ${steps}u)`, () => {
      for (const s of range(steps)) step(s === 0 ? "k" : writer.let(`k + ${s}u`));
    });
    const matrix = number === "0u" ? "" : `${number} * ${writer.u(M * N)} + `;
    const base = writer.let(`${matrix}${row} * ${writer.u(N)} + ${column}`);
    writer.line(`var results = array<vec4<f32>, ${tile.rows}>(${sums.join(", ")});`);
    const [height, width] = [writer.u(M), writer.u(N)];
    writer.block(`for (var r = 0u; r < min(${tile.rows}u, ${height} - ${row}); r++)`, () => {
      const inside = `(${width} + ${subgroup - 1}u - ${column}) / ${subgroup}u`;
      writer.block(`for (var c = 0u; c < min(4u, ${inside}); c++)`, () => {
        writer.line(`let i = ${base} + r * ${width} + c * ${subgroup}u;`);
        writer.line(`let result = results[r][c]${alpha === 1 ? "" : ` * ${writer.f(alpha)}`};`);
        kernel.store("i", "result");
      });
    });
  });
  const label = `matMul ${layoutOf(product)} subgroup ${tile.rows}x${tile.columns} ${shownProduct(product)}`;
  const operands = [site.value(a), site.value(b)];
  return kernel.finish(label, LANES, Math.ceil(threads / LANES), "i", operands);
};
