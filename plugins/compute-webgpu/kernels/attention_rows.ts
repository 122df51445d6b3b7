/**
 * Attention by threads that keep a few rows in registers: a thread has its queries (or keys) and what they sum up to, and reads
 * keys (or queries) four at a time. Scores are never stored (Milakov & Gimelshein 2018; Dao et al. 2022). For processors, where
 * workgroup memory is no faster than any other.
 */
import type { Tensor } from "@resd/tensor";
import type { Kernel, ValueId } from "../schedule.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import {
  backwardOf,
  below,
  denseRow,
  dot,
  endOf,
  four,
  FOUR,
  maskAt,
  meetFour,
  type Names,
  numberOf,
  type Pass,
  passOf,
  range,
  type Rows,
  rowsOf,
  scoresOf,
  UNSEEN,
  weighted,
  zeros,
} from "./attention_pass.ts";
import { groupsOf, LANES, shown } from "./elementwise.ts";

/** The vectors of a row, by name. */
const load = (writer: Writer, rows: Rows, at: string, vectors: number): Names =>
  range(vectors).map((j) => writer.let(`${rows.buffer}[${at} + ${j}u]`));

/** What a thread has: rows of one head, `kept` of its `count`; beyond the last it repeats the last. */
const share = (writer: Writer, heads: number, count: number, kept: number) => {
  const tiles = Math.ceil(count / kept);
  const first = writer.let(`thread % ${writer.u(tiles)} * ${kept}u`);
  const above = writer.let(`thread / ${writer.u(tiles)}`);
  const head = writer.let(`${above} % ${writer.u(heads)}`);
  const batch = writer.let(`${above} / ${writer.u(heads)}`);
  const last = writer.u(count - 1);
  const rows = range(kept).map((r) => writer.let(`min(${first} + ${r}u, ${last})`));
  return { first, head, batch, rows };
};

const threadsOf = (pass: Pass, heads: number, count: number, kept: number): number =>
  pass.B * heads * Math.ceil(count / kept);

/** Stores the rows of a thread that are not repeated. */
const storeRows = (
  writer: Writer,
  site: Site,
  result: Tensor,
  { first, head, batch, rows }: ReturnType<typeof share>,
  element: (row: number, vector: number) => string,
): void => {
  const buffer = writer.buffer(site.value(result), "f32", "modify", 4);
  const [, , count, width] = result.shape as [number, number, number, number];
  rows.forEach((row, r) =>
    writer.block(`if (${first} + ${r}u < ${writer.u(count)})`, () => {
      const at = denseRow(writer, result, batch, head, row);
      for (const j of range(width / 4)) {
        writer.line(`${buffer}[${at} + ${j}u] = ${element(r, j)};`);
      }
    }),
  );
};

/** What queries find, and the greatest score and log-sum of each. */
export const attentionRows = (site: Site): ReadonlyArray<Kernel> => {
  const core = site.group.core!;
  const pass = passOf(core);
  const { q, k, v, H, G, T, S, D } = pass;
  const kept = D <= 16 ? 4 : D <= 32 ? 2 : 1;
  const vectors = D / 4;
  const threads = threadsOf(pass, H, T, kept);
  const writer = new Writer(site.target);
  writer.block(`if (thread < ${writer.u(threads)})`, () => {
    const own = share(writer, H, T, kept);
    const { batch, head, rows } = own;
    const keyHead = writer.let(`${head} / ${writer.u(H / G)}`);
    const [queries, keys, values] = [q, k, v].map((x) => rowsOf(writer, site, x)) as [
      Rows,
      Rows,
      Rows,
    ];
    const masked = maskAt(writer, site, pass);
    const scale = writer.let(writer.f(pass.scale));
    const query = rows.map((row) =>
      load(writer, queries, queries.at(batch, head, row), vectors).map((x) =>
        writer.let(`${x} * ${scale}`),
      ),
    );
    const sums = rows.map(() => zeros(writer, vectors));
    const greatest = rows.map(() => writer.variable("f32", UNSEEN));
    const total = rows.map(() => writer.variable("f32", "0.0"));
    const ends = rows.map((row) => endOf(writer, pass, row));
    writer.block(`for (var s = 0u; s < ${ends.at(-1)}; s += 4u)`, () => {
      const at = FOUR.map((j) => writer.let(`min(s + ${j}u, ${writer.u(S - 1)})`));
      const key = at.map((row) => load(writer, keys, keys.at(batch, keyHead, row), vectors));
      const weights = rows.map((row, r) => {
        const products = four(key.map((one) => dot(query[r]!, one)));
        const hidden = masked && at.map((column) => masked(batch, row, column));
        const score = scoresOf(writer, products, hidden, below("s", ends[r]!));
        return meetFour(writer, score, greatest[r]!, total[r]!);
      });
      const starts = at.map((row) => values.at(batch, keyHead, row));
      for (const j of range(vectors)) {
        const value = starts.map((start) => writer.let(`${values.buffer}[${start} + ${j}u]`));
        weights.forEach(({ weight, shrink }, r) => {
          const sum = sums[r]![j]!;
          writer.line(`${sum} = ${sum} * ${shrink} + (${weighted(weight, value)});`);
        });
      }
    });
    storeRows(writer, site, outputOf(core), own, (r, j) => `${sums[r]![j]} / ${total[r]}`);
    const numbers = writer.buffer(site.value(outputOf(core, 1)), "f32", "modify", 2);
    rows.forEach((row, r) => {
      const flat = numberOf(pass, writer, batch, head, row);
      writer.line(`${numbers}[${flat}] = vec2<f32>(${greatest[r]}, log(${total[r]}));`);
    });
  });
  return [writer.finish(`attention rows ${shown(q.shape)} by ${S}`, LANES, groupsOf(threads))];
};

/** dq, and for each query Σ g·out, which its keys need as well. */
const queryGradient = (site: Site, shares: ValueId): Kernel => {
  const { core, pass, out, numbers, g } = backwardOf(site);
  const { q, k, v, H, G, T, S, D } = pass;
  const kept = D <= 16 ? 2 : 1;
  const vectors = D / 4;
  const threads = threadsOf(pass, H, T, kept);
  const writer = new Writer(site.target);
  writer.block(`if (thread < ${writer.u(threads)})`, () => {
    const own = share(writer, H, T, kept);
    const { batch, head, rows } = own;
    const keyHead = writer.let(`${head} / ${writer.u(H / G)}`);
    const [queries, keys, values, found, gradients] = [q, k, v, out, g].map((x) =>
      rowsOf(writer, site, x),
    ) as [Rows, Rows, Rows, Rows, Rows];
    const masked = maskAt(writer, site, pass);
    const known = writer.buffer(site.value(numbers), "f32", "read", 2);
    const sharesOut = writer.buffer(shares, "f32", "modify");
    const scale = writer.let(writer.f(pass.scale));
    const query = rows.map((row) =>
      load(writer, queries, queries.at(batch, head, row), vectors).map((x) =>
        writer.let(`${x} * ${scale}`),
      ),
    );
    const gradient = rows.map((row) =>
      load(writer, gradients, gradients.at(batch, head, row), vectors),
    );
    const flat = rows.map((row) => numberOf(pass, writer, batch, head, row));
    const number = flat.map((at) => writer.let(`${known}[${at}]`));
    const part = rows.map((row, r) => {
      const result = load(writer, found, found.at(batch, head, row), vectors);
      return writer.let(dot(gradient[r]!, result));
    });
    rows.forEach((_, r) => writer.line(`${sharesOut}[${flat[r]}] = ${part[r]};`));
    const sums = rows.map(() => zeros(writer, vectors));
    const ends = rows.map((row) => endOf(writer, pass, row));
    writer.block(`for (var s = 0u; s < ${ends.at(-1)}; s += 4u)`, () => {
      const at = FOUR.map((j) => writer.let(`min(s + ${j}u, ${writer.u(S - 1)})`));
      const key = at.map((row) => load(writer, keys, keys.at(batch, keyHead, row), vectors));
      const value = at.map((row) => load(writer, values, values.at(batch, keyHead, row), vectors));
      rows.forEach((row, r) => {
        const products = four(key.map((one) => dot(query[r]!, one)));
        const hidden = masked && at.map((column) => masked(batch, row, column));
        const score = scoresOf(writer, products, hidden, below("s", ends[r]!));
        const weight = `exp(${score} - vec4<f32>(${number[r]}.x) - vec4<f32>(${number[r]}.y))`;
        const passed = four(value.map((one) => dot(gradient[r]!, one)));
        const slope = writer.let(`${weight} * (${passed} - vec4<f32>(${part[r]}))`);
        for (const j of range(vectors)) {
          const along = key.map((one) => one[j]!);
          writer.line(`${sums[r]![j]} += ${weighted(slope, along)};`);
        }
      });
    });
    storeRows(writer, site, outputOf(core), own, (r, j) => `${sums[r]![j]} * ${scale}`);
  });
  const label = `attentionGradient of queries, rows ${shown(q.shape)} by ${S}`;
  return writer.finish(label, LANES, groupsOf(threads));
};

/** dk and dv: each thread adds up over all queries that see its keys, head by head. */
const keyGradient = (site: Site, shares: ValueId): Kernel => {
  const { core, pass, numbers, g } = backwardOf(site);
  const { q, k, v, H, G, T, S, D, causal } = pass;
  const kept = D <= 16 ? 2 : 1;
  const vectors = D / 4;
  const threads = threadsOf(pass, G, S, kept);
  const writer = new Writer(site.target);
  writer.block(`if (thread < ${writer.u(threads)})`, () => {
    const own = share(writer, G, S, kept);
    const { batch, head: keyHead, rows, first } = own;
    const [queries, keys, values, gradients] = [q, k, v, g].map((x) => rowsOf(writer, site, x)) as [
      Rows,
      Rows,
      Rows,
      Rows,
    ];
    const masked = maskAt(writer, site, pass);
    const known = writer.buffer(site.value(numbers), "f32", "read", 2);
    const sharesIn = writer.buffer(shares, "f32");
    const scale = writer.let(writer.f(pass.scale));
    const key = rows.map((row) =>
      load(writer, keys, keys.at(batch, keyHead, row), vectors).map((x) =>
        writer.let(`${x} * ${scale}`),
      ),
    );
    const value = rows.map((row) => load(writer, values, values.at(batch, keyHead, row), vectors));
    const ofKeys = rows.map(() => zeros(writer, vectors));
    const ofValues = rows.map(() => zeros(writer, vectors));
    // The first query that sees the first key.
    const ahead = writer.u(S - T);
    const start = causal ? writer.let(`max(${first}, ${ahead}) - ${ahead}`) : "0u";
    const group = writer.u(H / G);
    writer.block(
      `for (var head = ${keyHead} * ${group}; head < (${keyHead} + 1u) * ${group}; head++)`,
      () =>
        writer.block(`for (var t = ${start}; t < ${writer.u(T)}; t += 4u)`, () => {
          const at = FOUR.map((j) => writer.let(`min(t + ${j}u, ${writer.u(T - 1)})`));
          const query = at.map((row) =>
            load(writer, queries, queries.at(batch, "head", row), vectors),
          );
          const gradient = at.map((row) =>
            load(writer, gradients, gradients.at(batch, "head", row), vectors),
          );
          const flat = at.map((row) => numberOf(pass, writer, batch, "head", row));
          const number = flat.map((one) => writer.let(`${known}[${one}]`));
          const greatest = writer.let(four(number.map((one) => `${one}.x`)));
          const rest = writer.let(four(number.map((one) => `${one}.y`)));
          const part = writer.let(four(flat.map((one) => `${sharesIn}[${one}]`)));
          rows.forEach((row, r) => {
            const products = four(query.map((one) => dot(key[r]!, one)));
            const hidden = masked && at.map((one) => masked(batch, one, row));
            const real = below("t", writer.u(T));
            const late = `!${below(`t + ${ahead}`, row)}`;
            const seen = causal ? `${real} & ${late}` : real;
            const score = scoresOf(writer, products, hidden, seen);
            const weight = writer.let(`exp(${score} - ${greatest} - ${rest})`);
            const passed = four(gradient.map((one) => dot(value[r]!, one)));
            const slope = writer.let(`${weight} * (${passed} - ${part})`);
            for (const j of range(vectors)) {
              const [ups, throughs] = [query, gradient].map((list) => list.map((one) => one[j]!));
              writer.line(`${ofKeys[r]![j]} += ${weighted(slope, ups!)};`);
              writer.line(`${ofValues[r]![j]} += ${weighted(weight, throughs!)};`);
            }
          });
        }),
    );
    storeRows(writer, site, outputOf(core, 1), own, (r, j) => `${ofKeys[r]![j]} * ${scale}`);
    storeRows(writer, site, outputOf(core, 2), own, (r, j) => ofValues[r]![j]!);
  });
  const label = `attentionGradient of keys, rows ${shown(k.shape)} by ${H / G}x${T}`;
  return writer.finish(label, LANES, groupsOf(threads));
};

export const attentionGradientRows = (site: Site): ReadonlyArray<Kernel> => {
  const { core, pass } = backwardOf(site);
  const shares = site.scratch("shares of queries", pass.B * pass.H * pass.T, "f32");
  const ofKeys = [1, 2].some((index) => site.used(outputOf(core, index)));
  return [queryGradient(site, shares), ...(ofKeys ? [keyGradient(site, shares)] : [])];
};
