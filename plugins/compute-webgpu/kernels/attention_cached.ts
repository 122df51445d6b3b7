/**
 * Attention of one new token a row over a cache and itself: each thread takes some query heads of a key head over a piece
 * of the cache, and where there is more than one piece a second kernel joins what they found, in their order.
 */
import { attributesOf, type Tensor } from "@resd/tensor";
import type { Kernel } from "../schedule.ts";
import { cachedPlan } from "../select.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import {
  below,
  dot,
  four,
  FOUR,
  meetFour,
  type Names,
  range,
  type Rows,
  rowsOf,
  scoresOf,
  UNSEEN,
  weighted,
  zeros,
} from "./attention_pass.ts";
import { groupsOf, LANES, shown } from "./elementwise.ts";

export const cachedAttention = (site: Site): ReadonlyArray<Kernel> => {
  const core = site.group.core!;
  const [q, k, v, keys, values, mask] = core.inputs as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const [B, G, R, D] = q.shape as [number, number, number, number];
  const C = keys.shape[2]!;
  const vectors = D / 4;
  const queries = B * G * R;
  const { kept, parts } = cachedPlan(site.target, B * G, R, C, D);
  const chunk = Math.ceil(C / parts / 4) * 4;
  const out = site.value(outputOf(core));
  const found = parts === 1 ? out : site.scratch("found in pieces", queries * parts * D, "f32");
  const numbers = site.scratch("numbers of pieces", 2 * queries * parts, "f32");
  const writer = new Writer(site.target);
  const threads = (queries / kept) * parts;
  writer.block(`if (thread < ${writer.u(threads)})`, () => {
    const piece = writer.let(`thread % ${writer.u(parts)}`);
    const several = writer.let(`thread / ${writer.u(parts)}`);
    const first = writer.let(`${several} % ${writer.u(R / kept)} * ${kept}u`);
    const above = writer.let(`${several} / ${writer.u(R / kept)}`);
    const head = writer.let(`${above} % ${writer.u(G)}`);
    const batch = writer.let(`${above} / ${writer.u(G)}`);
    const [ofQ, ofK, ofV, ofKeys, ofValues] = [q, k, v, keys, values].map((x) =>
      rowsOf(writer, site, x),
    ) as [Rows, Rows, Rows, Rows, Rows];
    const hide = writer.buffer(site.value(mask), "f32");
    const row = (rows: Rows, at: string): Names =>
      range(vectors).map((j) => writer.let(`${rows.buffer}[${at} + ${j}u]`));
    const scale = writer.let(writer.f(attributesOf(core, "cachedAttention").scale));
    const rows = range(kept).map((i) => {
      const r = writer.let(`${first} + ${i}u`);
      const own = row(ofQ, ofQ.at(batch, head, r)).map((x) => writer.let(`${x} * ${scale}`));
      const sums = zeros(writer, vectors);
      const greatest = writer.variable("f32", UNSEEN);
      const total = writer.variable("f32", "0.0");
      // Where its results lie: queries in their order, and the pieces of each.
      const at = writer.let(`(${several} * ${kept}u + ${i}u) * ${writer.u(parts)} + ${piece}`);
      return { own, sums, greatest, total, at };
    });
    const from = writer.let(`${piece} * ${writer.u(chunk)}`);
    const end = writer.let(`min(${from} + ${writer.u(chunk)}, ${writer.u(C)})`);
    const last = writer.let(`max(${writer.u(C)}, 1u) - 1u`);
    writer.block(`for (var s = ${from}; s < ${end}; s += 4u)`, () => {
      const at = FOUR.map((j) => writer.let(`min(s + ${j}u, ${last})`));
      const key = at.map((one) => row(ofKeys, ofKeys.at(batch, head, one)));
      const hidden = at.map((one) => `${hide}[${batch} * ${writer.u(C)} + ${one}]`);
      const met = rows.map(({ own, greatest, total }) => {
        const products = four(key.map((one) => dot(own, one)));
        const score = scoresOf(writer, products, hidden, below("s", end));
        return meetFour(writer, score, greatest, total);
      });
      const value = at.map((one) => row(ofValues, ofValues.at(batch, head, one)));
      for (const j of range(vectors)) {
        const along = value.map((one) => one[j]!);
        met.forEach(({ weight, shrink }, i) => {
          const sum = rows[i]!.sums[j]!;
          writer.line(`${sum} = ${sum} * ${shrink} + (${weighted(weight, along)});`);
        });
      }
    });
    // The token itself comes last.
    writer.block(`if (${piece} == ${writer.u(parts - 1)})`, () => {
      const key = row(ofK, ofK.at(batch, head, "0u"));
      const value = row(ofV, ofV.at(batch, head, "0u"));
      for (const { own, sums, greatest, total } of rows) {
        const score = writer.let(dot(own, key));
        const next = writer.let(`max(${greatest}, ${score})`);
        const shrink = writer.let(`exp(${greatest} - ${next})`);
        const weight = writer.let(`exp(${score} - ${next})`);
        writer.line(`${greatest} = ${next};`);
        writer.line(`${total} = ${total} * ${shrink} + ${weight};`);
        sums.forEach((sum, j) =>
          writer.line(`${sum} = ${sum} * ${shrink} + ${weight} * ${value[j]};`),
        );
      }
    });
    const results = writer.buffer(found, "f32", "modify", 4);
    for (const { sums, greatest, total, at } of rows) {
      const share = parts === 1 ? ` / ${total}` : "";
      sums.forEach((sum, j) =>
        writer.line(`${results}[${at} * ${writer.u(vectors)} + ${j}u] = ${sum}${share};`),
      );
      if (parts === 1) continue;
      const noted = writer.buffer(numbers, "f32", "modify", 2);
      writer.line(`${noted}[${at}] = vec2<f32>(${greatest}, ${total});`);
    }
  });
  const label = `cachedAttention ${shown(q.shape)} over ${C}`;
  if (parts === 1) return [writer.finish(label, LANES, groupsOf(threads))];
  const join = new Writer(site.target);
  join.block(`if (thread < ${join.u(queries * vectors)})`, () => {
    const pieces = join.u(parts);
    const query = join.let(`thread / ${join.u(vectors)}`);
    const column = join.let(`thread % ${join.u(vectors)}`);
    const noted = join.buffer(numbers, "f32", "read", 2);
    const partial = join.buffer(found, "f32", "read", 4);
    join.line(`var greatest = ${UNSEEN}; var total = 0.0; var sum = vec4<f32>();`);
    join.line(
      `for (var p = 0u; p < ${pieces}; p++) { greatest = max(greatest, ${noted}[${query} * ${pieces} + p].x); }`,
    );
    join.block(`for (var p = 0u; p < ${pieces}; p++)`, () => {
      join.line(`let at = ${query} * ${pieces} + p;`);
      join.line(`let weight = exp(${noted}[at].x - greatest);`);
      join.line(`total += ${noted}[at].y * weight;`);
      join.line(`sum += ${partial}[at * ${join.u(vectors)} + ${column}] * weight;`);
    });
    join.line(`${join.buffer(out, "f32", "modify", 4)}[thread] = sum / total;`);
  });
  return [
    writer.finish(`${label}, ${parts} pieces`, LANES, groupsOf(threads)),
    join.finish(`cachedAttention, join ${parts}`, LANES, groupsOf(queries * vectors)),
  ];
};
