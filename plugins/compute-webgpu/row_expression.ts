/** Writes the value of one element of a row, from what passes over the row have found and the buffers that its kernel reads. */
import { attributesOf, type Node, sizeOf, type Tensor } from "@resd/tensor";
import { Expression, type Storage, typeOf } from "./expression.ts";
import { pointwise } from "./pointwise.ts";
import { type RowRegion, widthOf } from "./row_regions.ts";
import type { Writer } from "./writer.ts";

/**
 * A test that most columns fail which no id names, all of them where it is `exact`; `undefined` where comparing with all ids costs as
 * little.
 */
export type Named = (
  ids: Tensor,
  column: string,
) => { readonly test: string; readonly exact: boolean } | undefined;

/** Whether no id occurs twice in a row. */
export const areUnique = (ids: Tensor): boolean => ids.node.op === "topK" || widthOf(ids) === 1;

/** Columns that a name may stand for: from ≤ column < to. */
interface Range {
  readonly from: number;
  readonly to: number;
}

export class RowExpression {
  readonly #writer: Writer;
  readonly #region: RowRegion;
  readonly #sources: Expression;
  readonly #row: string;
  readonly #named: Named;
  readonly #known = new WeakMap<object, Map<string, string>>();
  readonly #ids = new Map<Node, number>();
  readonly #found = new Map<string, string>();
  readonly #ranges = new Map<string, Range>([["0u", { from: 0, to: 1 }]]);
  #loops = 0;

  /** `row`: the name of the row's number. */
  constructor(writer: Writer, storage: Storage, region: RowRegion, row: string, named: Named) {
    this.#writer = writer;
    this.#region = region;
    this.#sources = new Expression(writer, storage);
    this.#row = row;
    this.#named = named;
  }

  /** A name of a tensor for keys. */
  idOf({ node, index }: Tensor): string {
    const known = this.#ids.get(node) ?? this.#ids.size;
    this.#ids.set(node, known);
    return `${known}.${index}`;
  }

  /** Says what a pass has found of a tensor: its `greatest`, its `sum`, or the factor that makes its exponentials a softmax. */
  find(what: "greatest" | "sum" | "scale", x: Tensor, name: string): void {
    this.#found.set(`${what} ${this.idOf(x)}`, name);
  }

  found(what: "greatest" | "sum" | "scale", x: Tensor): string {
    return this.#found.get(`${what} ${this.idOf(x)}`)!;
  }

  /** Says that a name stands for columns below `to`. */
  limit(column: string, to: number): void {
    this.#ranges.set(column, { from: 0, to });
  }

  /** A column further on, or further back. */
  #shifted(column: string, by: number): string {
    if (by === 0) return column;
    const writer = this.#writer;
    const range = this.#ranges.get(column);
    const alone = range !== undefined && range.to === range.from + 1;
    const name = writer.let(
      alone
        ? writer.u(range.from + by)
        : `${column} ${by < 0 ? "-" : "+"} ${writer.u(Math.abs(by))}`,
    );
    if (range !== undefined) this.#ranges.set(name, { from: range.from + by, to: range.to + by });
    return name;
  }

  /** Element `column` of the row. */
  at(tensor: Tensor, column: string): string {
    const at = widthOf(tensor) === 1 ? "0u" : column;
    const key = `${this.idOf(tensor)} ${at}`;
    for (const scope of this.#writer.scopes) {
      const known = this.#known.get(scope)?.get(key);
      if (known !== undefined) return known;
    }
    const { scope } = this.#writer;
    const name = this.#region.levels.has(tensor.node)
      ? this.#compute(tensor.node, at)
      : this.#source(tensor, at);
    const here = this.#known.get(scope) ?? new Map<string, string>();
    this.#known.set(scope, here.set(key, name));
    return name;
  }

  /** Where the row begins in tensors of a width. */
  start(width: number): string {
    return this.#writer.let(`${this.#row} * ${this.#writer.u(width)}`);
  }

  /** An element of a tensor from outside. */
  #source(tensor: Tensor, column: string): string {
    const { node, index } = tensor;
    // The greatest elements lie where their indices say: one buffer less.
    if (node.op === "topK" && index === 0) {
      const [x] = node.inputs as [Tensor];
      const indices: Tensor = { node, index: 1, ...node.outputs[1]! };
      return this.at(x, this.#writer.let(`u32(${this.at(indices, column)})`));
    }
    const width = widthOf(tensor);
    if (width === 1) return this.#sources.at(tensor, this.#row);
    return this.#sources.at(tensor, this.#writer.let(`${this.start(width)} + ${column}`));
  }

  /** An operand that broadcasts to the result of an operation on each element. */
  operand(x: Tensor, node: Node, column: string): string {
    const { shape } = node.outputs[0]!;
    const inside = this.#region.levels.has(x.node);
    const ofRows = x.shape.length === shape.length && x.shape[0] === this.#region.rows;
    if (inside || ofRows) return this.at(x, column);
    return this.#sources.at(x, sizeOf(x.shape) === 1 ? "0u" : column);
  }

  #compute(node: Node, column: string): string {
    const writer = this.#writer;
    const [x, ids] = node.inputs as [Tensor, Tensor];
    switch (node.op) {
      case "sum":
        return this.found("sum", x);
      case "max":
        return this.#region.levels.has(x.node) && x.node.op === "softmax"
          ? this.found("scale", x.node.inputs[0]!)
          : this.found("greatest", x);
      case "softmax":
        return writer.let(
          `exp(${this.at(x, column)} - ${this.found("greatest", x)}) * ${this.found("scale", x)}`,
        );
      case "logSoftmax":
        return writer.let(
          `${this.at(x, column)} - ${this.found("greatest", x)} + log(${this.found("scale", x)})`,
        );
      case "reshape":
        return this.at(x, "0u");
      case "broadcastTo":
        return this.operand(x, node, column);
      case "slice":
        return this.at(x, this.#shifted(column, attributesOf(node, "slice").starts[1]!));
      case "concat":
        return this.#concat(node, column);
      case "gatherLast":
        return this.at(x, writer.let(`u32(${this.at(ids, column)})`));
      case "scatterAddLast":
        return this.#scatter(node, column);
      default: {
        const operands = node.inputs.map((one) => this.operand(one, node, column));
        return writer.let(pointwise(writer, node, operands));
      }
    }
  }

  /** Parts that no column of a name can lie in are left out. */
  #concat(node: Node, column: string): string {
    const writer = this.#writer;
    const { dtype } = node.outputs[0]!;
    const range = this.#ranges.get(column) ?? { from: 0, to: Infinity };
    let end = 0;
    const parts = node.inputs.flatMap((x) => {
      const start = end;
      end += widthOf(x);
      return start < range.to && end > range.from ? [{ x, start, end }] : [];
    });
    const [only] = parts;
    if (parts.length === 1) return this.at(only!.x, this.#shifted(column, -only!.start));
    const result = writer.variable(typeOf(dtype), writer.literal(0, dtype));
    parts.forEach(({ x, start, end: to }, position) => {
      const head = position === parts.length - 1 ? "" : `if (${column} < ${writer.u(to)})`;
      writer.block(`${position === 0 ? "" : "else "}${head}`, () =>
        writer.line(`${result} = ${this.at(x, this.#shifted(column, -start))};`),
      );
    });
    return result;
  }

  /** The values that name a column, in their order. */
  #scatter(node: Node, column: string): string {
    const writer = this.#writer;
    const [values, ids] = node.inputs as [Tensor, Tensor];
    const { dtype } = values;
    const named = widthOf(ids) === 1 ? undefined : this.#named(ids, column);
    if (named?.exact === true && values.node.op === "full" && areUnique(ids)) {
      const [none, one] = [writer.literal(0, dtype), this.at(values, "0u")];
      return writer.let(`select(${none}, ${one}, ${named.test})`);
    }
    const total = writer.variable(typeOf(dtype), writer.literal(0, dtype));
    const add = (n: string): void =>
      writer.block(`if (u32(${this.at(ids, n)}) == ${column})`, () =>
        writer.line(`${total} += ${this.at(values, n)};`),
      );
    const all = (): void => {
      const n = `n${this.#loops++}`;
      this.limit(n, widthOf(ids));
      writer.block(`for (var ${n} = 0u; ${n} < ${writer.u(widthOf(ids))}; ${n}++)`, () => add(n));
    };
    if (widthOf(ids) === 1) add("0u");
    else if (named === undefined) all();
    else writer.block(`if (${named.test})`, all);
    return total;
  }
}
