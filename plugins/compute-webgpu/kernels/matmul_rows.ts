/**
 * Products of few rows: a workgroup has some columns, and its threads share the inner dimension. Each adds up its own steps;
 * then subgroups add their threads' sums, or a tree in shared memory does, always in the same order.
 */
import {
  layoutOf,
  type Product,
  type Reads,
  readsOf,
  shownProduct,
  type Side,
} from "../product.ts";
import { rootOutput } from "../product_output.ts";
import type { Kernel } from "../schedule.ts";
import type { Site } from "../site.ts";
import type { Writer } from "../writer.ts";

/** How the threads of a workgroup stand: `across` groups of four columns, with all others along the inner dimension. */
interface Stand {
  readonly lanes: number;
  readonly across: number;
}

/** Columns that lie beside each other are read by neighbours; where steps do, all threads follow them. */
const ALONG: Stand = { lanes: 64, across: 1 };
const ACROSS: Stand = { lanes: 128, across: 8 };

const FOUR = [0, 1, 2, 3] as const;
const list = (item: (j: number) => string): string => FOUR.map(item).join(", ");

/** The number of row `m` of the left side at inner step `k`. */
const leftNumber = (
  writer: Writer,
  { along, width }: Side,
  { start, at }: Reads,
  { M, K }: Product,
  m: number,
  k: string,
): string => {
  const index = along ? `${writer.u(m * K)} + ${k}` : `(${k}) * ${writer.u(M)} + ${m}u`;
  const from = start === "0u" ? "" : `${start} + `;
  if (width === 1) return at(`${from}${index}`);
  const flat = writer.let(index);
  return `${at(`${from}${flat} / 4u`)}[${flat} % 4u]`;
};

export const matMulRows = (site: Site, product: Product): Kernel => {
  const { batch, M, N, K } = product;
  const output = rootOutput(site, product);
  const { writer, sides } = output;
  const [left, right] = sides;
  const { lanes, across } = right.along ? ALONG : ACROSS;
  const { subgroup } = site.target;
  const adds = right.along && subgroup > 1 && lanes % subgroup === 0;
  const perGroup = 4 * across;
  const columns = Math.ceil(N / perGroup);
  writer.line(`if (group >= ${writer.u(columns * batch)}) { return; }`);
  const number = batch === 1 ? "0u" : writer.let(`group / ${writer.u(columns)}`);
  const [readLeft, readRight] = sides.map((side) => readsOf(writer, side, product, number)) as [
    Reads,
    Reads,
  ];
  const first = writer.let(`group % ${writer.u(columns)} * ${perGroup}u`);
  const column = across === 1 ? first : writer.let(`${first} + lane % ${across}u * 4u`);
  const slices = lanes / across;
  const slice = across === 1 ? "lane" : writer.let(`lane / ${across}u`);
  const from = readRight.start === "0u" ? "" : `${readRight.start} + `;
  const last = writer.u(N - 1);
  const rows = Array.from({ length: M }, (_, m) => m);
  const sums = rows.map(() => writer.variable("vec4<f32>", "vec4<f32>()"));
  const steps = right.along ? K / right.width : K;
  const lines = FOUR.map((c) =>
    right.along
      ? writer.let(`${from}min(${column} + ${c}u, ${last}) * ${writer.u(K / right.width)}`)
      : writer.let(`${from}min(${column} + ${c}u, ${last})`),
  );
  const vector = writer.let(`${from}min(${column} / 4u, ${writer.u(Math.max(1, N >> 2) - 1)})`);
  writer.block(`for (var k = ${slice}; k < ${writer.u(steps)}; k += ${slices}u)`, () => {
    if (right.along && right.width === 4) {
      const vectors = lines.map((line) => writer.let(readRight.at(`${line} + k`)));
      for (const m of rows) {
        const own =
          left.along && left.width === 4
            ? readLeft.at(
                `${readLeft.start === "0u" ? "" : `${readLeft.start} + `}${writer.u((m * K) / 4)} + k`,
              )
            : `vec4<f32>(${list((j) => leftNumber(writer, left, readLeft, product, m, `4u * k + ${j}u`))})`;
        const name = writer.let(own);
        writer.line(
          `${sums[m]} += vec4<f32>(${vectors.map((one) => `dot(${name}, ${one})`).join(", ")});`,
        );
      }
      return;
    }
    const row = writer.let(
      right.along
        ? `vec4<f32>(${lines.map((line) => readRight.at(`${line} + k`)).join(", ")})`
        : right.width === 4
          ? readRight.at(`${vector} + k * ${writer.u(N / 4)}`)
          : `vec4<f32>(${lines.map((line) => readRight.at(`${line} + k * ${writer.u(N)}`)).join(", ")})`,
    );
    for (const m of rows) {
      writer.line(`${sums[m]} += ${leftNumber(writer, left, readLeft, product, m, "k")} * ${row};`);
    }
  });
  const pieces = adds ? lanes / subgroup : lanes;
  writer.declare(`var<workgroup> pieces: array<vec4<f32>, ${M * pieces}>;`);
  if (adds) {
    writer.enable("subgroups");
    const totals = sums.map((sum) => writer.let(`subgroupAdd(${sum})`));
    writer.block(`if (lane % ${subgroup}u == 0u)`, () =>
      totals.forEach((total, m) =>
        writer.line(`pieces[${m * pieces}u + lane / ${subgroup}u] = ${total};`),
      ),
    );
    writer.line("workgroupBarrier();");
  } else {
    sums.forEach((sum, m) => writer.line(`pieces[${m * pieces}u + lane] = ${sum};`));
    writer.line("workgroupBarrier();");
    writer.block(`for (var half = ${lanes / 2}u; half >= ${across}u; half = half / 2u)`, () => {
      writer.block("if (lane < half)", () => {
        for (const m of rows) {
          const own = `pieces[${m * pieces}u + lane]`;
          writer.line(`${own} += pieces[${m * pieces}u + lane + half];`);
        }
      });
      writer.line("workgroupBarrier();");
    });
  }
  writer.block(`for (var e = lane; e < ${M * perGroup}u; e += ${lanes}u)`, () => {
    const [m, c] = [writer.let(`e / ${perGroup}u`), writer.let(`e % ${perGroup}u`)];
    const over = writer.let(`${first} + ${c}`);
    writer.block(`if (${over} < ${writer.u(N)})`, () => {
      const base = number === "0u" ? "" : `${number} * ${writer.u(M * N)} + `;
      writer.line(`let i = ${base}${m} * ${writer.u(N)} + ${over};`);
      writer.line(`var result = pieces[${m} * ${pieces}u + ${c} / 4u][${c} % 4u];`);
      if (adds) {
        writer.block(`for (var piece = 1u; piece < ${pieces}u; piece++)`, () =>
          writer.line(`result += pieces[${m} * ${pieces}u + piece][${c}];`),
        );
      }
      output.store("i", "result");
    });
  });
  const how = adds ? "subgroups" : "tree";
  const label = `matMul ${layoutOf(product)} rows ${how} ${shownProduct(product)}`;
  return output.finish(label, lanes, columns * batch);
};
