/** One kernel for a region of rows: a thread, or a workgroup, passes over its row until everything that is asked of it is known. */
import type { Node, Tensor } from "@resd/tensor";
import { stored, typeOf } from "../expression.ts";
import { behind, type RowBatch } from "../row_batches.ts";
import { areUnique, type Named, RowExpression } from "../row_expression.ts";
import { type Placed, placedIn } from "../row_placed.ts";
import { type RowRegion, widthOf } from "../row_regions.ts";
import { type Total, totalsOf } from "../row_totals.ts";
import type { Kernel } from "../schedule.ts";
import { rowLanes, rowThreads } from "../select.ts";
import { outputOf, type Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { combineAll, joinOf } from "./reduce.ts";

/** Bits of the filter through which columns go that ids may name: a private word array, or one of the workgroup. */
const OWN_WORDS = 64;
const SHARED_WORDS = 256;

/** Ids that are compared one by one without a filter. */
const FEW_IDS = 4;

class RowProgram {
  readonly writer: Writer;
  readonly #region: RowRegion;
  readonly #lanes: number;
  readonly #row: string;
  readonly #expression: RowExpression;
  readonly #filters = new Map<string, { readonly name: string; readonly width: number }>();
  #loops = 0;
  #met = false;

  constructor(site: Site, region: RowRegion) {
    this.writer = new Writer(site.target);
    this.#region = region;
    const widest = Math.max(
      ...[...region.levels.keys()].map(({ outputs }) => widthOf(outputs[0]!)),
    );
    this.#lanes = rowLanes(site.target, region.rows, widest);
    this.#row = this.#lanes === 1 ? "thread" : "group";
    this.#expression = new RowExpression(
      this.writer,
      site.storage,
      region,
      this.#row,
      (ids, column) => this.#named(ids, column),
    );
  }

  get #words(): number {
    return this.#lanes === 1 ? OWN_WORDS : SHARED_WORDS;
  }

  /** Every column of this thread's share of the row, in one loop. */
  #each(width: number, body: (column: string) => void): void {
    const { writer } = this;
    if (width === 1) {
      writer.block(this.#lanes === 1 ? "" : "if (lane == 0u)", () => body("0u"));
      return;
    }
    const c = `c${this.#loops++}`;
    this.#expression.limit(c, width);
    const from = this.#lanes === 1 ? "0u" : "lane";
    writer.block(
      `for (var ${c} = ${from}; ${c} < ${writer.u(width)}; ${c} += ${this.#lanes}u)`,
      () => body(c),
    );
  }

  /** A filter of the columns that ids name: bits by column, of which a few stand for others too. */
  filter(ids: Tensor, width: number): void {
    if (widthOf(ids) <= FEW_IDS) return;
    const { writer } = this;
    const key = this.#expression.idOf(ids);
    const known = this.#filters.get(key);
    const name = known?.name ?? `named${this.#filters.size}`;
    this.#filters.set(key, { name, width: Math.max(width, known?.width ?? 0) });
    if (known !== undefined) return;
    const shared = this.#lanes > 1;
    const words = `array<${shared ? "atomic<u32>" : "u32"}, ${this.#words}>`;
    if (shared) writer.declare(`var<workgroup> ${name}: ${words};`);
    else writer.line(`var ${name}: ${words};`);
    this.#each(widthOf(ids), (column) => {
      const id = writer.let(`u32(${this.#expression.at(ids, column)})`);
      const word = `${name}[(${id} >> 5u) % ${this.#words}u]`;
      const bit = `1u << (${id} & 31u)`;
      writer.line(shared ? `atomicOr(&${word}, ${bit});` : `${word} |= ${bit};`);
    });
    if (shared) writer.line("workgroupBarrier();");
  }

  #named(ids: Tensor, column: string): ReturnType<Named> {
    const filter = this.#filters.get(this.#expression.idOf(ids));
    if (filter === undefined) return undefined;
    const word = `${filter.name}[(${column} >> 5u) % ${this.#words}u]`;
    const bits = this.#lanes > 1 ? `atomicLoad(&${word})` : word;
    const test = this.writer.let(`((${bits} >> (${column} & 31u)) & 1u) == 1u`);
    return { test, exact: filter.width <= 32 * this.#words };
  }

  /** One pass: every total of a level, those of one width in one loop. */
  pass(totals: ReadonlyArray<Total>): void {
    const { writer } = this;
    const expression = this.#expression;
    const own = totals.map((total) => {
      const { what, x } = total;
      const type = typeOf(x.dtype);
      const name = writer.variable(type, writer.literal(0, x.dtype));
      // A maximum begins with an element that it meets again, so no number has to stand for nothing.
      if (what === "greatest") {
        writer.block("", () => writer.line(`${name} = ${expression.at(x, "0u")};`));
      }
      return {
        ...total,
        name,
        type,
        op: what === "greatest" ? ("max" as const) : ("sum" as const),
      };
    });
    for (const [width, some] of Map.groupBy(own, ({ x }) => widthOf(x))) {
      this.#each(width, (column) => {
        for (const { what, x, name, op } of some) {
          const element = expression.at(x, column);
          const next =
            what === "exponentials"
              ? `exp(${element} - ${expression.found("greatest", x)})`
              : element;
          writer.line(`${name} = ${joinOf(op)(name, next)};`);
        }
      });
    }
    if (this.#lanes > 1) this.#meet(own);
    for (const { what, x, name } of own) {
      if (what === "exponentials") expression.find("scale", x, writer.let(`1.0 / ${name}`));
      else expression.find(what, x, name);
    }
  }

  /** Writes where the row begins in tensors of some widths, once for all loops. */
  begin(tensors: ReadonlyArray<Tensor>): void {
    for (const width of new Set(tensors.map(widthOf))) if (width > 1) this.#expression.start(width);
  }

  /** Writes the numbers of rows that are known after so many passes, where all further loops see them. */
  settle(nodes: ReadonlySet<Node>, passes: number): void {
    for (const node of nodes) {
      const result = outputOf(node);
      if (widthOf(result) === 1 && this.#region.levels.get(node) === passes) {
        this.#expression.at(result, "0u");
      }
    }
  }

  /** Every lane gets the totals of all lanes. */
  #meet(
    own: ReadonlyArray<{
      readonly name: string;
      readonly type: string;
      readonly op: "max" | "sum";
    }>,
  ): void {
    const { writer } = this;
    if (this.#met) writer.line("workgroupBarrier();");
    this.#met = true;
    const partials = own.map(({ name, ...rest }, n) => ({
      ...rest,
      own: name,
      array: `${rest.type}_${n}`,
    }));
    combineAll(writer, this.#lanes, partials);
    for (const { own: name, array } of partials) writer.line(`${name} = ${array}[0];`);
  }

  /** Stores results. */
  store(site: Site, results: ReadonlyArray<Tensor>): void {
    const { writer } = this;
    const outOf = (result: Tensor): string =>
      writer.buffer(site.value(result), result.dtype, "modify");
    const stores = results.map((result) => ({ result, placed: placedIn(result, this.#region) }));
    for (const [width, some] of Map.groupBy(stores, ({ result }) => widthOf(result))) {
      this.#each(width, (column) => {
        for (const { result, placed } of some) {
          const name = this.#beneath(result, placed, column);
          const at = width === 1 ? this.#row : `${this.#expression.start(width)} + ${column}`;
          writer.line(`${outOf(result)}[${at}] = ${stored(name, result.dtype)};`);
        }
      });
    }
    const later = stores.filter(({ placed }) => placed !== undefined);
    if (later.length > 0 && this.#lanes > 1) writer.line("storageBarrier();");
    for (const { result, placed } of later) this.#place(result, placed!, outOf(result));
  }

  /** An element of a result before values are placed in it. */
  #beneath(result: Tensor, placed: Placed | undefined, column: string): string {
    if (placed === undefined) return this.#expression.at(result, column);
    if (placed.base === undefined) return this.writer.literal(0, result.dtype);
    return this.#expression.operand(placed.base, result.node, column);
  }

  /** Adds values at their places, one lane for each where no two have the same place, else in their order. */
  #place(result: Tensor, { values, ids }: Placed, out: string): void {
    const { writer } = this;
    const add = (n: string): void => {
      const id = writer.let(`u32(${this.#expression.at(ids, n)})`);
      const at = writer.let(`${this.#expression.start(widthOf(result))} + ${id}`);
      const sum = `${typeOf(result.dtype)}(${out}[${at}]) + ${this.#expression.at(values, n)}`;
      writer.line(`${out}[${at}] = ${stored(`(${sum})`, result.dtype)};`);
    };
    if (areUnique(ids)) return this.#each(widthOf(ids), add);
    const n = `c${this.#loops++}`;
    this.#expression.limit(n, widthOf(ids));
    writer.block(this.#lanes > 1 ? "if (lane == 0u)" : "", () =>
      writer.block(`for (var ${n} = 0u; ${n} < ${writer.u(widthOf(ids))}; ${n}++)`, () => add(n)),
    );
  }

  finish(label: string, body: () => void): Kernel {
    const { writer } = this;
    const { rows } = this.#region;
    if (this.#lanes === 1) {
      writer.block(`if (thread < ${writer.u(rows)})`, body);
      const threads = rowThreads(writer.target, rows);
      return writer.finish(`${label} serial`, threads, Math.ceil(rows / threads));
    }
    writer.line(`if (group >= ${writer.u(rows)}) { return; }`);
    body();
    return writer.finish(`${label} ${this.#lanes} lanes`, this.#lanes, rows);
  }

  totals(nodes: ReadonlySet<Node>): ReadonlyArray<Total> {
    return totalsOf(nodes, this.#region, (x) => this.#expression.idOf(x));
  }
}

/** The kernel of a region that stores `results`. */
export const rowProgram = (site: Site, { region, results }: RowBatch): ReadonlyArray<Kernel> => {
  const program = new RowProgram(site, region);
  const roots = results.flatMap((result) => {
    const placed = placedIn(result, region);
    if (placed === undefined) return [result];
    return [placed.values, placed.ids, ...(placed.base === undefined ? [] : [placed.base])];
  });
  const { nodes, sources } = behind(roots, region);
  const widest = Math.max(...results.map(widthOf));
  return [
    program.finish(`rows ${region.rows}x${widest}, ${nodes.size} operations`, () => {
      program.begin([...sources, ...results]);
      for (const { op, inputs, outputs } of nodes) {
        if (op === "scatterAddLast") program.filter(inputs[1]!, widthOf(outputs[0]!));
      }
      const totals = program.totals(nodes);
      program.settle(nodes, 0);
      for (const [pass, some] of Map.groupBy(totals, (total) => total.pass)) {
        program.pass(some);
        program.settle(nodes, pass + 1);
      }
      program.store(site, results);
    }),
  ];
};
