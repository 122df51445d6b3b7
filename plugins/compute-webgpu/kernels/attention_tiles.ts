/**
 * Attention by workgroups: each has the rows of some queries (or keys) in the registers of its lanes, and reads tiles of keys
 * (or queries) into its memory, from where all lanes read the same vector at the same time. Wide rows are shared by several
 * lanes, which add up their parts of a score. Nothing is stored but results, and nothing is added atomically (Dao et al. 2022).
 */
import type { Tensor } from "@resd/tensor";
import type { Kernel, ValueId } from "../schedule.ts";
import { tilePlan } from "../select.ts";
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
  passOf,
  range,
  type Rows,
  rowsOf,
  scoresOf,
  UNSEEN,
  weighted,
  zeros,
} from "./attention_pass.ts";
import { shown } from "./elementwise.ts";

/** One kernel: which rows its lanes have, and what it stages. */
class TileKernel {
  readonly writer: Writer;
  readonly batch: string;
  readonly head: string;
  /** The row of this lane, the last one where there is none, and whether there is one. */
  readonly row: string;
  readonly real: string;
  /** The first row of the workgroup. */
  readonly first: string;
  readonly plan: ReturnType<typeof tilePlan>;
  /** Vectors of a row, and those of them that a lane has. */
  readonly vectors: number;
  readonly own: number;
  readonly #groups: number;

  constructor(
    site: Site,
    sizes: {
      readonly B: number;
      readonly heads: number;
      readonly count: number;
      readonly D: number;
    },
    kept: number,
  ) {
    const { B, heads, count, D } = sizes;
    this.plan = tilePlan(site.target, D, kept);
    const { lanes, parts } = this.plan;
    this.vectors = D / 4;
    this.own = this.vectors / parts;
    const tiles = Math.ceil(count / (lanes / parts));
    this.#groups = B * heads * tiles;
    const writer = new Writer(site.target);
    this.writer = writer;
    writer.line(`if (group >= ${writer.u(this.#groups)}) { return; }`);
    this.first = writer.let(`group % ${writer.u(tiles)} * ${lanes / parts}u`);
    const above = writer.let(`group / ${writer.u(tiles)}`);
    this.head = writer.let(`${above} % ${writer.u(heads)}`);
    this.batch = writer.let(`${above} / ${writer.u(heads)}`);
    const row = writer.let(`${this.first} + lane / ${parts}u`);
    this.row = writer.let(`min(${row}, ${writer.u(count - 1)})`);
    this.real = writer.let(`${row} < ${writer.u(count)}`);
  }

  /** Where this lane's part of a row begins in it. */
  #part(): string {
    const { parts } = this.plan;
    return parts === 1 ? "0u" : this.writer.let(`lane % ${parts}u * ${this.own}u`);
  }

  /** This lane's vectors of its row. */
  load(rows: Rows): Names {
    const at = this.writer.let(`${rows.at(this.batch, this.head, this.row)} + ${this.#part()}`);
    return range(this.own).map((j) => this.writer.let(`${rows.buffer}[${at} + ${j}u]`));
  }

  /** Reads the rows from `from` on into the workgroup's memory; beyond the last of `count` it is repeated. */
  stage(name: string, rows: Rows, head: string, from: string, count: number): void {
    const { writer, vectors } = this;
    const { lanes, tile } = this.plan;
    writer.declare(`var<workgroup> ${name}: array<vec4<f32>, ${tile * vectors}>;`);
    writer.block(`for (var n = lane; n < ${tile * vectors}u; n += ${lanes}u)`, () => {
      const row = writer.let(`min(${from} + n / ${vectors}u, ${writer.u(count - 1)})`);
      const at = rows.at(this.batch, head, row);
      writer.line(`${name}[n] = ${rows.buffer}[${at} + n % ${vectors}u];`);
    });
  }

  /** This lane's vectors of four staged rows. */
  four(name: string, n: string): ReadonlyArray<Names> {
    const { writer } = this;
    const part = this.#part();
    return FOUR.map((j) => {
      const at = writer.let(`(${n} + ${j}u) * ${this.vectors}u + ${part}`);
      return range(this.own).map((i) => writer.let(`${name}[${at} + ${i}u]`));
    });
  }

  /** Products of this lane's row with four others, of which it has only its part. */
  products(own: Names, others: ReadonlyArray<Names>): string {
    const { writer } = this;
    const { lanes, parts } = this.plan;
    const part = four(others.map((one) => dot(own, one)));
    if (parts === 1) return part;
    writer.declare(`var<workgroup> shares: array<vec4<f32>, ${lanes}>;`);
    writer.line("workgroupBarrier();");
    writer.line(`shares[lane] = ${part};`);
    writer.line("workgroupBarrier();");
    const first = writer.let(`lane / ${parts}u * ${parts}u`);
    const total = writer.variable("vec4<f32>", `shares[${first}]`);
    for (const j of range(parts - 1)) writer.line(`${total} += shares[${first} + ${j + 1}u];`);
    return total;
  }

  /** Every tile from `from` up to `end`, both the same for all lanes, and in it four rows at a time. */
  tiles(
    from: string,
    end: string,
    stage: (from: string) => void,
    body: (n: string, at: Names) => void,
    count: number,
  ): void {
    const { writer } = this;
    const { tile } = this.plan;
    writer.block(`for (var start = ${from}; start < ${end}; start += ${tile}u)`, () => {
      writer.line("workgroupBarrier();");
      stage("start");
      writer.line("workgroupBarrier();");
      writer.block(`for (var n = 0u; n < ${tile}u; n += 4u)`, () => {
        const at = FOUR.map((j) => writer.let(`min(start + n + ${j}u, ${writer.u(count - 1)})`));
        body("n", at);
      });
    });
  }

  /** Stores this lane's vectors of its row. */
  store(site: Site, result: Tensor, element: (vector: number) => string): void {
    const { writer } = this;
    const buffer = writer.buffer(site.value(result), "f32", "modify", 4);
    writer.block(`if (${this.real})`, () => {
      const start = denseRow(writer, result, this.batch, this.head, this.row);
      const at = writer.let(`${start} + ${this.#part()}`);
      for (const j of range(this.own)) writer.line(`${buffer}[${at} + ${j}u] = ${element(j)};`);
    });
  }

  /** What only one lane of a row does. */
  once(body: () => void): void {
    this.writer.block(`if (${this.real} && lane % ${this.plan.parts}u == 0u)`, body);
  }

  finish(label: string): Kernel {
    return this.writer.finish(label, this.plan.lanes, this.#groups);
  }
}

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
