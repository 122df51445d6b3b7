/**
 * Products by the matrices that subgroups multiply in hardware: f16 in, f32 added up. Both operands are rounded to f16 while
 * they are staged in shared memory, in the order in which they lie; each of eight subgroups then has four by two matrices of
 * results, and hands them on through shared memory, one after another.
 */
import {
  layoutOf,
  type Product,
  type Reads,
  readsOf,
  shownProduct,
  type Side,
} from "../product.ts";
import { gridOf, partsOf } from "../product_grid.ts";
import { partOutput, rootOutput } from "../product_output.ts";
import {
  MATRIX_DEPTH,
  MATRIX_GRID,
  MATRIX_PADDING,
  type MatrixPlan,
  matrixTile,
} from "../product_plan.ts";
import type { Kernel, ValueId } from "../schedule.ts";
import type { Site } from "../site.ts";
import type { Writer } from "../writer.ts";
import { type Scales, scaledBy } from "./matmul_scale.ts";

/** One side of a tile in shared memory, in the order of the operand: lines along the inner dimension, or across it. */
interface Slice {
  readonly name: string;
  readonly side: Side;
  readonly reads: Reads;
  /** Lines of the tile, and the first of them. */
  readonly lines: number;
  readonly first: string;
  readonly factor: string;
}

/** f16 numbers between neighbours along the slower axis of a slice. */
const pitchOf = ({ side, lines }: Pick<Slice, "side" | "lines">): number =>
  (side.along ? MATRIX_DEPTH : lines) + MATRIX_PADDING;

/** Writes the loop in which all threads stage a slice from inner step `k0` on; zeros beyond the last step. */
const stage = (writer: Writer, slice: Slice, product: Product, lanes: number): void => {
  const { name, side, reads, lines, first, factor } = slice;
  const { along, width } = side;
  const fast = along ? MATRIX_DEPTH : lines;
  const count = (lines * MATRIX_DEPTH) / width;
  writer.block(`for (var e = lane; e < ${count}u; e += ${lanes}u)`, () => {
    const quick = writer.let(`e % ${fast / width}u * ${width}u`);
    const slow = writer.let(`e / ${fast / width}u`);
    const [line, step] = along ? [slow, quick] : [quick, slow];
    const k = writer.let(`k0 + ${step}`);
    const from = reads.start === "0u" ? "" : `${reads.start} + `;
    const over = `min(${first} + ${line}, ${writer.u(side.lines - (along ? 1 : width))})`;
    const units = (size: number): string => writer.u(size / width);
    const index = along
      ? `${over} * ${units(product.K)} + ${width === 1 ? k : `${k} / 4u`}`
      : `${k} * ${units(side.lines)} + ${width === 1 ? over : `${over} / 4u`}`;
    const [type, half] = width === 1 ? ["f32", "f16"] : ["vec4<f32>", "vec4<f16>"];
    const number = writer.variable(type!, `${type}()`);
    writer.block(`if (${k} < ${writer.u(product.K)})`, () =>
      writer.line(`${number} = ${reads.at(`${from}${index}`)};`),
    );
    const rounded = writer.let(`${half}(${number} * ${factor})`);
    const to = writer.let(`${slow} * ${pitchOf(slice)}u + ${quick}`);
    if (width === 1) writer.line(`${name}[${to}] = ${rounded};`);
    else {
      for (const j of [0, 1, 2, 3]) writer.line(`${name}[${to} + ${j}u] = ${rounded}[${j}];`);
    }
  });
};

/** The kernel; with `parts`, of sums over parts of the inner dimension. */
export const matMulMatrix = (
  site: Site,
  product: Product,
  plan: MatrixPlan,
  scales: Scales,
  parts: ValueId | undefined,
): Kernel => {
  const matrix = site.target.products.matrix!;
  const { subgroup } = site.target;
  const tile = matrixTile(matrix);
  const { rows, down, across } = MATRIX_GRID;
  const lanes = rows * MATRIX_GRID.columns * subgroup;
  const output =
    parts === undefined ? rootOutput(site, product) : partOutput(site, product, parts, false);
  const { writer, sides } = output;
  writer.enable("f16");
  writer.enable("chromium_experimental_subgroup_matrix");
  // Which matrices a subgroup has follows from its number: the same for all its members, as nothing here can prove.
  writer.trust("chromium.subgroup_matrix_uniformity");
  const grid = gridOf(writer, product, {
    ...tile,
    ...partsOf(product.K, plan.parts, MATRIX_DEPTH),
  });
  const factors = scaledBy(writer, scales);
  const slices = sides.map((side, s): Slice => {
    const lines = s === 0 ? tile.rows : tile.columns;
    return {
      name: s === 0 ? "left" : "right",
      side,
      reads: readsOf(writer, side, product, grid.number),
      lines,
      first: writer.let(`${s === 0 ? grid.rowTile : grid.columnTile} * ${lines}u`),
      factor: s === 0 ? factors[0] : factors[1],
    };
  });
  const [left, right] = slices as [Slice, Slice];
  for (const { name, side, lines } of slices) {
    const size = (side.along ? lines : MATRIX_DEPTH) * pitchOf({ side, lines });
    writer.declare(`var<workgroup> ${name}: array<f16, ${size}>;`);
  }
  const { M, N, K } = matrix;
  const result = `subgroup_matrix_result<f32, ${N}, ${M}>`;
  writer.declare(`var<workgroup> results: array<f32, ${(lanes / subgroup) * M * N}>;`);
  writer.line(`let member = lane % ${subgroup}u;`);
  writer.line(`let own = lane / ${subgroup}u;`);
  writer.line(`let top = own % ${rows}u * ${down * M}u;`);
  writer.line(`let edge = own / ${rows}u * ${across * N}u;`);
  const sums = Array.from({ length: down * across }, (_, at) => `sum${at}`);
  for (const sum of sums) writer.line(`var ${sum} = ${result}();`);
  /** The position of a matrix in a slice: `line` is its first line, `k` its first inner step. */
  const load = (slice: Slice, kind: string, line: string): string => {
    const pitch = pitchOf(slice);
    const { along } = slice.side;
    // The lines of the left side are its rows, those of the right side its columns.
    const order = along === (kind === "left") ? "row_major" : "col_major";
    const at = along ? `(${line}) * ${pitch}u + k` : `k * ${pitch}u + ${line}`;
    const size = kind === "left" ? `${K}, ${M}` : `${N}, ${K}`;
    return `subgroupMatrixLoad<subgroup_matrix_${kind}<f16, ${size}>, ${order}>(&${slice.name}, ${at}, ${pitch}u)`;
  };
  writer.block(`for (var round = 0u; round < ${grid.steps}; round++)`, () => {
    writer.line(`let k0 = ${grid.from}round * ${MATRIX_DEPTH}u;`);
    for (const slice of slices) writer.block("", () => stage(writer, slice, product, lanes));
    writer.line("workgroupBarrier();");
    writer.block(`for (var k = 0u; k < ${MATRIX_DEPTH}u; k += ${K}u)`, () => {
      for (let c = 0; c < across; c++) {
        writer.line(`let right${c} = ${load(right, "right", `edge + ${c * N}u`)};`);
      }
      for (let r = 0; r < down; r++) {
        writer.line(`let left${r} = ${load(left, "left", `top + ${r * M}u`)};`);
        for (let c = 0; c < across; c++) {
          const sum = sums[r * across + c];
          writer.line(`${sum} = subgroupMatrixMultiplyAccumulate(left${r}, right${c}, ${sum});`);
        }
      }
    });
    writer.line("workgroupBarrier();");
  });
  writer.block(`for (var turn = 0u; turn < ${down * across}u; turn++)`, () => {
    writer.block("switch (turn)", () =>
      sums.forEach((sum, at) =>
        writer.line(
          `${at === sums.length - 1 ? "default" : `case ${at}u`}: { subgroupMatrixStore<row_major>(&results, own * ${M * N}u, ${sum}, ${N}u); }`,
        ),
      ),
    );
    writer.line("workgroupBarrier();");
    writer.block(`for (var e = member; e < ${M * N}u; e += ${subgroup}u)`, () => {
      const row = writer.let(`${left.first} + top + turn / ${across}u * ${M}u + e / ${N}u`);
      const column = writer.let(`${right.first} + edge + turn % ${across}u * ${N}u + e % ${N}u`);
      const [height, width] = [writer.u(product.M), writer.u(product.N)];
      writer.block(`if (${row} < ${height} && ${column} < ${width})`, () => {
        writer.line(`let i = ${grid.base} + ${row} * ${width} + ${column};`);
        output.store("i", factors.restore(writer.let(`results[own * ${M * N}u + e]`)));
      });
    });
    writer.line("workgroupBarrier();");
  });
  const size = `${tile.rows}x${tile.columns}`;
  const label = `matMul ${layoutOf(product)} matrix ${size}${grid.suffix} ${shownProduct(product)}`;
  return output.finish(label, lanes, grid.groups);
};
