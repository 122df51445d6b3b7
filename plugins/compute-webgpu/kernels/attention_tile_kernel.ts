/** What kernels of attention by workgroups share: which rows their lanes have, what they stage, and how lanes of a row meet. */
import type { Tensor } from "@resd/tensor";
import type { Kernel } from "../schedule.ts";
import { tilePlan } from "../select.ts";
import type { Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { denseRow, dot, four, FOUR, type Names, range, type Rows } from "./attention_pass.ts";

/** A kernel of attention whose workgroup has some rows of one head, each in the registers of one lane or several, and stages others. */
export class TileKernel {
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
