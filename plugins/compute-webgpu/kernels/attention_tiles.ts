/**
 * Attention by workgroups: each has the rows of some queries (or keys) in the registers of its lanes, and reads tiles of keys
 * (or queries) into its memory, from where all lanes read the same vector at the same time. Wide rows are shared by several
 * lanes, which add up their parts of a score. Nothing is stored but results, and nothing is added atomically (Dao et al. 2022).
 */
import type { Kernel, ValueId } from "../schedule.ts";
import { outputOf, type Site } from "../site.ts";
import type { Writer } from "../writer.ts";
import {
  backwardOf,
  below,
  endOf,
  four,
  maskAt,
  meetFour,
  type Names,
  numberOf,
  passOf,
  range,
  type Rows,
  rowsOf,
  scoresOf,
  UNSEEN,
  weighted,
  zeros,
} from "./attention_pass.ts";
import { TileKernel } from "./attention_tile_kernel.ts";
import { shown } from "./elementwise.ts";

const scaled = (writer: Writer, row: Names, scale: string): Names =>
  row.map((x) => writer.let(`${x} * ${scale}`));

/** What queries find, and the greatest score and log-sum of each. */
export const attentionTiles = (site: Site): ReadonlyArray<Kernel> => {
  const core = site.group.core!;
  const pass = passOf(core);
  const { q, k, v, B, H, G, T, S, D, causal } = pass;
  const kernel = new TileKernel(site, { B, heads: H, count: T, D }, 2);
  const { writer, batch, head, row } = kernel;
  const keyHead = writer.let(`${head} / ${writer.u(H / G)}`);
  const [queries, keys, values] = [q, k, v].map((x) => rowsOf(writer, site, x)) as [
    Rows,
    Rows,
    Rows,
  ];
  const masked = maskAt(writer, site, pass);
  const query = scaled(writer, kernel.load(queries), writer.let(writer.f(pass.scale)));
  const sums = zeros(writer, kernel.own);
  const greatest = writer.variable("f32", UNSEEN);
  const total = writer.variable("f32", "0.0");
  const end = endOf(writer, pass, row);
  const { lanes, parts } = kernel.plan;
  const last = `min(${kernel.first} + ${lanes / parts - 1}u, ${writer.u(T - 1)})`;
  const ends = causal ? endOf(writer, pass, writer.let(last)) : writer.u(S);
  kernel.tiles(
    "0u",
    ends,
    (from) => {
      kernel.stage("keys", keys, keyHead, from, S);
      kernel.stage("values", values, keyHead, from, S);
    },
    (n, at) => {
      const products = kernel.products(query, kernel.four("keys", n));
      const hidden = masked && at.map((column) => masked(batch, row, column));
      const score = scoresOf(writer, products, hidden, below(`start + ${n}`, end));
      const { weight, shrink } = meetFour(writer, score, greatest, total);
      const value = kernel.four("values", n);
      sums.forEach((sum, j) => {
        const along = value.map((one) => one[j]!);
        writer.line(`${sum} = ${sum} * ${shrink} + (${weighted(weight, along)});`);
      });
    },
    S,
  );
  kernel.store(site, outputOf(core), (j) => `${sums[j]} / ${total}`);
  const numbers = writer.buffer(site.value(outputOf(core, 1)), "f32", "modify", 2);
  kernel.once(() => {
    const flat = numberOf(pass, writer, batch, head, row);
    writer.line(`${numbers}[${flat}] = vec2<f32>(${greatest}, log(${total}));`);
  });
  return [kernel.finish(`attention tiles ${shown(q.shape)} by ${S}`)];
};

/** dq, and for each query Σ g·out, which its keys need as well. */
const queryGradient = (site: Site, shares: ValueId): Kernel => {
  const { core, pass, out, numbers, g } = backwardOf(site);
  const { q, k, v, B, H, G, T, S, D, causal } = pass;
  const kernel = new TileKernel(site, { B, heads: H, count: T, D }, 3);
  const { writer, batch, head, row } = kernel;
  const keyHead = writer.let(`${head} / ${writer.u(H / G)}`);
  const [queries, keys, values, found, gradients] = [q, k, v, out, g].map((x) =>
    rowsOf(writer, site, x),
  ) as [Rows, Rows, Rows, Rows, Rows];
  const masked = maskAt(writer, site, pass);
  const known = writer.buffer(site.value(numbers), "f32", "read", 2);
  const sharesOut = writer.buffer(shares, "f32", "modify");
  const scale = writer.let(writer.f(pass.scale));
  const query = scaled(writer, kernel.load(queries), scale);
  const gradient = kernel.load(gradients);
  const flat = numberOf(pass, writer, batch, head, row);
  const number = writer.let(`${known}[${flat}]`);
  const same = kernel.load(found);
  const part = writer.let(`${kernel.products(gradient, [same, same, same, same])}.x`);
  kernel.once(() => writer.line(`${sharesOut}[${flat}] = ${part};`));
  const sums = zeros(writer, kernel.own);
  const end = endOf(writer, pass, row);
  const { lanes, parts } = kernel.plan;
  const last = `min(${kernel.first} + ${lanes / parts - 1}u, ${writer.u(T - 1)})`;
  const ends = causal ? endOf(writer, pass, writer.let(last)) : writer.u(S);
  kernel.tiles(
    "0u",
    ends,
    (from) => {
      kernel.stage("keys", keys, keyHead, from, S);
      kernel.stage("values", values, keyHead, from, S);
    },
    (n, at) => {
      const key = kernel.four("keys", n);
      const products = kernel.products(query, key);
      const hidden = masked && at.map((column) => masked(batch, row, column));
      const score = scoresOf(writer, products, hidden, below(`start + ${n}`, end));
      const passed = kernel.products(gradient, kernel.four("values", n));
      const weight = `exp(${score} - vec4<f32>(${number}.x) - vec4<f32>(${number}.y))`;
      const slope = writer.let(`${weight} * (${passed} - vec4<f32>(${part}))`);
      sums.forEach((sum, j) => {
        const along = key.map((one) => one[j]!);
        writer.line(`${sum} += ${weighted(slope, along)};`);
      });
    },
    S,
  );
  kernel.store(site, outputOf(core), (j) => `${sums[j]} * ${scale}`);
  return kernel.finish(`attentionGradient of queries, tiles ${shown(q.shape)} by ${S}`);
};

/** dk and dv: each lane adds up over all queries that see its key, head by head. */
const keyGradient = (site: Site, shares: ValueId): Kernel => {
  const { core, pass, numbers, g } = backwardOf(site);
  const { q, k, v, B, H, G, T, S, D, causal } = pass;
  const kernel = new TileKernel(site, { B, heads: G, count: S, D }, 4);
  const { writer, batch, head: keyHead, row } = kernel;
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
  const key = scaled(writer, kernel.load(keys), scale);
  const value = kernel.load(values);
  const ofKeys = zeros(writer, kernel.own);
  const ofValues = zeros(writer, kernel.own);
  // The first query that sees the first key of the workgroup.
  const ahead = writer.u(S - T);
  const begin = causal ? writer.let(`max(${kernel.first}, ${ahead}) - ${ahead}`) : "0u";
  const group = writer.u(H / G);
  writer.block(
    `for (var head = ${keyHead} * ${group}; head < (${keyHead} + 1u) * ${group}; head++)`,
    () =>
      kernel.tiles(
        begin,
        writer.u(T),
        (from) => {
          kernel.stage("queries", queries, "head", from, T);
          kernel.stage("gradients", gradients, "head", from, T);
        },
        (n, at) => {
          const query = kernel.four("queries", n);
          const products = kernel.products(key, query);
          const hidden = masked && at.map((one) => masked(batch, one, row));
          const real = below(`start + ${n}`, writer.u(T));
          const late = `!${below(`start + ${n} + ${ahead}`, row)}`;
          const score = scoresOf(writer, products, hidden, causal ? `${real} & ${late}` : real);
          const flat = at.map((one) => numberOf(pass, writer, batch, "head", one));
          const number = flat.map((one) => writer.let(`${known}[${one}]`));
          const [greatest, rest] = ["x", "y"].map((c) => four(number.map((one) => `${one}.${c}`)));
          const weight = writer.let(`exp(${score} - ${greatest} - ${rest})`);
          const gradient = kernel.four("gradients", n);
          const passed = kernel.products(value, gradient);
          const part = four(flat.map((one) => `${sharesIn}[${one}]`));
          const slope = writer.let(`${weight} * (${passed} - ${part})`);
          for (const j of range(kernel.own)) {
            const [ups, throughs] = [query, gradient].map((list) => list.map((one) => one[j]!));
            writer.line(`${ofKeys[j]} += ${weighted(slope, ups!)};`);
            writer.line(`${ofValues[j]} += ${weighted(weight, throughs!)};`);
          }
        },
        T,
      ),
  );
  kernel.store(site, outputOf(core, 1), (j) => `${ofKeys[j]} * ${scale}`);
  kernel.store(site, outputOf(core, 2), (j) => ofValues[j]!);
  return kernel.finish(`attentionGradient of keys, tiles ${shown(k.shape)} by ${H / G}x${T}`);
};

export const attentionGradientTiles = (site: Site): ReadonlyArray<Kernel> => {
  const { core, pass } = backwardOf(site);
  const shares = site.scratch("shares of queries", pass.B * pass.H * pass.T, "f32");
  const ofKeys = [1, 2].some((index) => site.used(outputOf(core, index)));
  return [queryGradient(site, shares), ...(ofKeys ? [keyGradient(site, shares)] : [])];
};
