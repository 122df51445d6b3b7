/**
 * Products by tiles in shared memory: 256 threads stage a slice of both operands, 4×4 numbers each, and every thread adds
 * up 4×4 or 8×8 results from it. The next slice is read while this one is multiplied.
 */
import {
  layoutOf,
  type Product,
  type Reads,
  readsOf,
  shownProduct,
  type Side,
} from "../product.ts";
import { type Grid, gridOf, partsOf } from "../product_grid.ts";
import { partOutput, rootOutput, storeBlock } from "../product_output.ts";
import { TILE_LANES, tileDepth, tilePitch, type TilePlan } from "../product_plan.ts";
import type { Kernel, ValueId } from "../schedule.ts";
import type { Site } from "../site.ts";
import type { Writer } from "../writer.ts";
import { type Scales, scaledBy } from "./matmul_scale.ts";

const LETTERS = "xyzw";
const FOUR = [0, 1, 2, 3] as const;
const list = (item: (j: number) => string): string => FOUR.map(item).join(", ");

/** Where a thread's 4×4 block of one side comes from (`at`) and goes to (`slot`); `deep` is its first inner step. */
const place = (
  writer: Writer,
  side: Side,
  reads: Reads,
  product: Product,
  plan: { readonly size: TilePlan["size"]; readonly tile: string; readonly second: boolean },
): void => {
  const quarter = plan.size / 4;
  const { along, width, lines } = side;
  const t = plan.second ? writer.let(`lane - ${TILE_LANES / 2}u`) : "lane";
  // Neighbours read neighbouring numbers, and write to different banks.
  const line = writer.let(along ? `${t} / 2u % ${quarter}u` : `${t} % ${quarter}u`);
  const deep = writer.let(along ? `${t} % 2u + ${t} / ${2 * quarter}u * 2u` : `${t} / ${quarter}u`);
  const first = writer.let(`${plan.tile} * ${plan.size}u + ${line} * 4u`);
  const from = reads.start === "0u" ? "" : `${reads.start} + `;
  const last = writer.u(lines - 1);
  if (!along && width === 4) {
    writer.line(`at.x = ${from}min(${first} / 4u, ${writer.u(lines / 4 - 1)});`);
  } else {
    const step = along ? ` * ${writer.u(product.K / width)}` : "";
    writer.line(`at = vec4<u32>(${list((i) => `${from}min(${first} + ${i}u, ${last})${step}`)});`);
  }
  writer.line(`deep = ${deep} * 4u;`);
  writer.line(
    `slot = ${deep} * ${4 * tilePitch(plan.size)}u + ${line}${plan.second ? ` + ${tileDepth(plan.size) * tilePitch(plan.size)}u` : ""};`,
  );
};

/** Reads the block whose first inner step is `k` into s0 to s3, one inner step each; zeros beyond the last. */
const fetch = (
  writer: Writer,
  side: Side,
  reads: Reads,
  product: Product,
  guarded: boolean,
): void => {
  const { along, width, lines } = side;
  const inside = (j: number, body: () => void): void => {
    if (!guarded) body();
    else {
      writer.block(`if (k + ${j}u < ${writer.u(product.K)})`, body);
      writer.block("else", () => writer.line(`s${j} = vec4<f32>();`));
    }
  };
  if (along && width === 4) {
    const read = (): void => {
      for (const i of FOUR) writer.line(`let r${i} = ${reads.at(`at[${i}] + k / 4u`)};`);
      for (const j of FOUR) {
        writer.line(`s${j} = vec4<f32>(${list((i) => `r${i}.${LETTERS[j]}`)});`);
      }
    };
    if (!guarded) read();
    else {
      writer.block(`if (k < ${writer.u(product.K)})`, read);
      writer.block("else", () => {
        for (const j of FOUR) writer.line(`s${j} = vec4<f32>();`);
      });
    }
    return;
  }
  for (const j of FOUR) {
    const step = along ? `k + ${j}u` : `(k + ${j}u) * ${writer.u(width === 4 ? lines / 4 : lines)}`;
    inside(j, () =>
      writer.line(
        width === 4
          ? `s${j} = ${reads.at(`at.x + ${step}`)};`
          : `s${j} = vec4<f32>(${list((i) => reads.at(`at[${i}] + ${step}`))});`,
      ),
    );
  }
};

/** The kernel; with `parts`, of sums over parts of the inner dimension. */
export const matMulTile = (
  site: Site,
  product: Product,
  plan: TilePlan,
  scales: Scales | undefined,
  parts: ValueId | undefined,
): Kernel => {
  const { size } = plan;
  const { K } = product;
  const [depth, pitch] = [tileDepth(size), tilePitch(size)];
  const output =
    parts === undefined ? rootOutput(site, product) : partOutput(site, product, parts, true);
  const { writer, sides } = output;
  const half = scales !== undefined;
  const grid: Grid = gridOf(writer, product, {
    rows: size,
    columns: size,
    ...partsOf(K, plan.parts, depth),
  });
  const reads = sides.map((side) => readsOf(writer, side, product, grid.number)) as [Reads, Reads];
  const factors = scaledBy(writer, scales);
  const element = half ? "vec4<f16>" : "vec4<f32>";
  if (half) writer.enable("f16");
  writer.declare(`var<workgroup> slices: array<${element}, ${2 * depth * pitch}>;`);
  writer.line("var at = vec4<u32>();");
  writer.line("var deep = 0u;");
  writer.line("var slot = 0u;");
  const tiles = [grid.rowTile, grid.columnTile];
  const halves = ["if (lane < 128u)", "else"];
  sides.forEach((side, s) =>
    writer.block(halves[s]!, () =>
      place(writer, side, reads[s]!, product, { size, tile: tiles[s]!, second: s === 1 }),
    ),
  );
  for (const j of FOUR) writer.line(`var s${j} = vec4<f32>();`);
  const [blocks, rows] = [size / 64, size / 16];
  const sums = Array.from({ length: rows }, () =>
    Array.from({ length: blocks }, () => writer.variable("vec4<f32>", "vec4<f32>()")),
  );
  writer.line("let across = lane % 16u;");
  writer.line("let down = lane / 16u;");
  // The last round reads nothing, the first multiplies nothing.
  writer.block(`for (var round = 0u; round <= ${grid.steps}; round++)`, () => {
    writer.block(`if (round < ${grid.steps})`, () => {
      writer.line(`let k = ${grid.from}round * ${depth}u + deep;`);
      sides.forEach((side, s) =>
        writer.block(halves[s]!, () => fetch(writer, side, reads[s]!, product, K % depth !== 0)),
      );
    });
    writer.block("if (round > 0u)", () =>
      writer.block(`for (var k = 0u; k < ${depth}u; k++)`, () => {
        const staged = (start: number, from: string, block: number): string => {
          const vector = `slices[${start === 0 ? "" : `${start}u + `}k * ${pitch}u + ${from} + ${16 * block}u]`;
          return writer.let(half ? `vec4<f32>(${vector})` : vector);
        };
        const range = sums[0]!.map((_, block) => block);
        const left = range.map((block) => staged(0, "down", block));
        const right = range.map((block) => staged(depth * pitch, "across", block));
        sums.forEach((line, r) =>
          line.forEach((sum, block) =>
            writer.line(`${sum} += ${left[r >> 2]}.${LETTERS[r & 3]} * ${right[block]};`),
          ),
        );
      }),
    );
    writer.line("workgroupBarrier();");
    for (const j of FOUR) {
      const value = half
        ? `vec4<f16>(s${j} * select(${factors[1]}, ${factors[0]}, lane < 128u))`
        : `s${j}`;
      writer.line(`slices[slot + ${j * pitch}u] = ${value};`);
    }
    writer.line("workgroupBarrier();");
  });
  storeBlock(output, product, {
    base: grid.base,
    sums: sums.map((line) => line.map((sum) => factors.restore(sum))),
    row: (r) => `${grid.rowTile} * ${size}u + ${r} / 4u * 64u + down * 4u + ${r} % 4u`,
    column: (v) => `${grid.columnTile} * ${size}u + ${v} * 64u + across * 4u`,
  });
  const label = `matMul ${layoutOf(product)} tile ${size}${half ? " f16" : ""}${grid.suffix} ${shownProduct(product)}`;
  return output.finish(label, TILE_LANES, grid.groups);
};
