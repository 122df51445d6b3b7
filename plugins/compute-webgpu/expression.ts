/** Writes the value of one element of a tensor, computed from the buffers that its kernel reads. */
import {
  attributesOf,
  type DType,
  type Node,
  type OpName,
  type Shape,
  sameShape,
  sizeOf,
  type Tensor,
} from "@resd/tensor";
import { type AxisMap, below, identity } from "./axis_map.ts";
import { coordinate, foursIn, stridesOf, viewIndex } from "./index_map.ts";
import { Neighbours } from "./neighbours.ts";
import { pointwise } from "./pointwise.ts";
import type { ValueId } from "./schedule.ts";
import type { Writer } from "./writer.ts";

/** WGSL's type of a value of a dtype: f16 is storage, arithmetic is f32. */
export const typeOf = (dtype: DType): string =>
  dtype === "bool" ? "bool" : dtype === "i32" ? "i32" : "f32";

/** What a buffer holds for a value of a dtype. */
export const stored = (name: string, dtype: DType): string =>
  dtype === "bool" ? `select(0u, 1u, ${name})` : dtype === "f16" ? `f16(${name})` : name;

/** Where tensors have storage. Undefined for those that are computed where they are needed. */
export type Storage = (tensor: Tensor) => ValueId | undefined;

/** A tensor that the kernel has just computed at one position. */
interface Given {
  readonly tensor: Tensor;
  /** A name; of the same kind as those that positions are asked under. */
  readonly flat: string;
  readonly name: string;
}

interface Read {
  readonly dtype: DType;
  readonly positions: Set<string>;
  /** Whether all positions so far were of neighbours. */
  fours: boolean;
}

const VIEWS = new Set<OpName>(["transpose", "slice", "broadcastTo"]);

const innerSize = (shape: Shape, axis: number): number => sizeOf(shape.slice(axis + 1));

export class Expression {
  readonly #writer: Writer;
  readonly #storage: Storage;
  readonly #given: Array<Given> = [];
  readonly #known = new WeakMap<object, Map<string, string>>();
  readonly #ids = new Map<Node, number>();
  readonly #neighbours = new Neighbours();
  readonly #vectors: ReadonlySet<ValueId>;
  /** At which positions each buffer was read. */
  readonly reads = new Map<ValueId, Read>();

  /** `vectors`: buffers that are read four numbers at a time; all positions in them must be those of neighbours. */
  constructor(writer: Writer, storage: Storage, vectors: ReadonlySet<ValueId> = new Set()) {
    this.#vectors = vectors;
    this.#writer = writer;
    this.#storage = storage;
  }

  /** Says that `tensor` at `flat` is what `name` holds. */
  give(tensor: Tensor, flat: string, name: string): void {
    this.#given.push({ tensor, flat, name });
  }

  /** The positions of elements 4·at to 4·at + 3, whose first is called `first`. */
  neighbours(first: string, at: string): ReadonlyArray<string> {
    return this.#neighbours.of(first, at);
  }

  #find(tensor: Tensor, flat: string): string | undefined {
    return this.#given.find(
      (one) =>
        one.tensor.node === tensor.node && one.tensor.index === tensor.index && one.flat === flat,
    )?.name;
  }

  /** Element `flat` of the tensor that the kernel stores, which is computed whatever storage it has. */
  root(tensor: Tensor, flat: string): string {
    return this.#find(tensor, flat) ?? this.#compute(tensor, flat);
  }

  /** The name of element `flat` (row-major) of a tensor. */
  at(tensor: Tensor, flat: string): string {
    const given = this.#find(tensor, flat);
    if (given !== undefined) return given;
    const key = `${this.#idOf(tensor.node)}.${tensor.index} ${flat}`;
    for (const scope of this.#writer.scopes) {
      const known = this.#known.get(scope)?.get(key);
      if (known !== undefined) return known;
    }
    const { scope } = this.#writer;
    const name = this.#write(tensor, flat);
    const here = this.#known.get(scope) ?? new Map<string, string>();
    here.set(key, name);
    this.#known.set(scope, here);
    return name;
  }

  #idOf(node: Node): number {
    const known = this.#ids.get(node) ?? this.#ids.size;
    this.#ids.set(node, known);
    return known;
  }

  #write(tensor: Tensor, flat: string): string {
    const value = this.#storage(tensor);
    return value === undefined ? this.#compute(tensor, flat) : this.load(value, tensor.dtype, flat);
  }

  #compute(tensor: Tensor, flat: string): string {
    const { node } = tensor;
    const writer = this.#writer;
    switch (node.op) {
      case "full":
        return writer.literal(attributesOf(node, "full").value, tensor.dtype);
      case "reshape":
        return this.at(node.inputs[0]!, flat);
      case "transpose":
      case "slice":
      case "broadcastTo":
        return this.#view(tensor, flat);
      case "pad":
        return this.#pad(node, flat);
      case "concat":
        return this.#concat(node, flat);
      case "gatherRows":
        return this.#gatherRows(node, flat);
      case "gatherLast":
        return this.#gatherLast(node, flat);
      case "rope":
        return this.#rope(node, flat);
      default: {
        const operands = node.inputs.map((input) => this.#operand(input, tensor.shape, flat));
        return writer.let(pointwise(writer, node, operands));
      }
    }
  }

  /** Element `flat` of a buffer. */
  load(value: ValueId, dtype: DType, flat: string): string {
    const neighbour = this.#neighbours.get(flat);
    const read = this.reads.get(value) ?? { dtype, positions: new Set<string>(), fours: true };
    read.positions.add(neighbour?.at ?? flat);
    read.fours &&= neighbour !== undefined;
    this.reads.set(value, read);
    const isVector = this.#vectors.has(value) && neighbour !== undefined;
    const name = this.#writer.buffer(value, dtype, "read", isVector ? 4 : 1);
    const element = isVector
      ? `${this.#writer.let(`${name}[${neighbour.at}]`)}.${"xyzw"[neighbour.which]}`
      : `${name}[${flat}]`;
    if (dtype === "bool") return this.#writer.let(`${element} != 0u`);
    return this.#writer.let(dtype === "f16" ? `f32(${element})` : element);
  }

  /** An operand that broadcasts to the shape of the result. */
  #operand(input: Tensor, shape: Shape, flat: string): string {
    if (sameShape(input.shape, shape)) return this.at(input, flat);
    return this.#through(input, shape, flat, identity(input.shape, shape));
  }

  /** What a view shows; the view itself may be what the kernel stores. */
  #view({ node, shape }: Tensor, flat: string): string {
    const own = { axes: shape.map((_, axis) => axis), starts: shape.map(() => 0) };
    return this.#through(node.inputs[0]!, shape, flat, below(node, own));
  }

  /** Follows views down to a tensor that has elements of its own, and reads that. */
  #through(tensor: Tensor, shape: Shape, flat: string, from: AxisMap): string {
    let current = tensor;
    let map = from;
    while (VIEWS.has(current.node.op) && this.#storage(current) === undefined) {
      map = below(current.node, map);
      current = current.node.inputs[0]!;
    }
    const own = stridesOf(current.shape);
    const strides = shape.map(() => 0);
    let offset = 0;
    map.axes.forEach((axis, position) => {
      if (axis >= 0) strides[axis]! += own[position]!;
      offset += map.starts[position]! * own[position]!;
    });
    const index = this.#neighbours.follow(flat, foursIn(shape, strides, offset), (one) =>
      viewIndex(this.#writer, shape, one, strides, offset),
    );
    return this.at(current, index);
  }

  #pad(node: Node, flat: string): string {
    const writer = this.#writer;
    const [x] = node.inputs as [Tensor];
    const { before, after, value } = attributesOf(node, "pad");
    const { shape, dtype } = node.outputs[0]!;
    const strides = stridesOf(x.shape);
    const inside = shape.flatMap((_, axis) => {
      if (before[axis] === 0 && after[axis] === 0) return [];
      const at = coordinate(writer, shape, flat, axis);
      return [`(${at} - ${writer.u(before[axis]!)}) < ${writer.u(x.shape[axis]!)}`];
    });
    const result = writer.variable(typeOf(dtype), writer.literal(value, dtype));
    const offset = -before.reduce((sum, border, axis) => sum + border * strides[axis]!, 0);
    writer.block(`if (${inside.join(" && ") || "true"})`, () => {
      const at = viewIndex(writer, shape, flat, strides, offset);
      writer.line(`${result} = ${this.at(x, at)};`);
    });
    return result;
  }

  #concat(node: Node, flat: string): string {
    const writer = this.#writer;
    const { axis } = attributesOf(node, "concat");
    const { shape, dtype } = node.outputs[0]!;
    const inner = innerSize(shape, axis);
    const above = inner === 1 ? flat : writer.let(`${flat} / ${writer.u(inner)}`);
    const at = writer.let(`${above} % ${writer.u(shape[axis]!)}`);
    const outer = writer.let(`${above} / ${writer.u(shape[axis]!)}`);
    const result = writer.variable(typeOf(dtype), writer.literal(0, dtype));
    const parts = node.inputs.filter((x) => x.shape[axis]! > 0);
    let start = 0;
    parts.forEach((x, position) => {
      const end = start + x.shape[axis]!;
      const skipped = outer + " * " + writer.u((shape[axis]! - x.shape[axis]!) * inner);
      const head = position === parts.length - 1 ? "" : `if (${at} < ${writer.u(end)}) `;
      writer.block(`${position === 0 ? head : `else ${head}`}`, () => {
        const from = writer.let(`${flat} - ${skipped} - ${writer.u(start * inner)}`);
        writer.line(`${result} = ${this.at(x, from)};`);
      });
      start = end;
    });
    return result;
  }

  #gatherRows(node: Node, flat: string): string {
    const [table, ids] = node.inputs as [Tensor, Tensor];
    const width = table.shape[1]!;
    const at = this.#neighbours.follow(flat, width % 4 === 0 ? "run" : undefined, (one) =>
      this.#rowPosition(ids, width, one),
    );
    return this.at(table, at);
  }

  #rowPosition(ids: Tensor, width: number, flat: string): string {
    const writer = this.#writer;
    const [row, column] =
      width === 1
        ? [flat, "0u"]
        : [writer.let(`${flat} / ${writer.u(width)}`), writer.let(`${flat} % ${writer.u(width)}`)];
    const id = writer.let(`u32(${this.at(ids, row)})`);
    return writer.let(`${id} * ${writer.u(width)} + ${column}`);
  }

  #gatherLast(node: Node, flat: string): string {
    const writer = this.#writer;
    const [x, ids] = node.inputs as [Tensor, Tensor];
    const k = ids.shape.at(-1)!;
    const row = k === 1 ? flat : writer.let(`${flat} / ${writer.u(k)}`);
    const id = writer.let(`u32(${this.at(ids, flat)})`);
    return this.at(x, writer.let(`${row} * ${writer.u(x.shape.at(-1)!)} + ${id}`));
  }

  /** [x₁·cos − x₂·sin, x₂·cos + x₁·sin] of the halves of the last axis. */
  #rope(node: Node, flat: string): string {
    const writer = this.#writer;
    const [x, cos, sin] = node.inputs as [Tensor, Tensor, Tensor];
    const width = x.shape[3]!;
    const half = writer.u(width / 2);
    const columnOf = (one: string): string => writer.let(`${one} % ${writer.u(width)}`);
    const isFirst = (one: string): string => writer.let(`${columnOf(one)} < ${half}`);
    // A half that holds whole vectors has four neighbours or none of them.
    const fours = width % 8 === 0 ? "run" : undefined;
    const pair = this.#neighbours.follow(flat, fours, (one) =>
      writer.let(`select(${one} - ${half}, ${one} + ${half}, ${isFirst(one)})`),
    );
    const own = this.at(x, flat);
    const other = this.at(x, pair);
    const shape = [...x.shape.slice(0, 3), width / 2];
    const angle = this.#neighbours.follow(flat, fours, (one) => {
      const row = writer.let(`${one} / ${writer.u(width)}`);
      const column = columnOf(one);
      return writer.let(
        `${row} * ${half} + select(${column} - ${half}, ${column}, ${isFirst(one)})`,
      );
    });
    const first = isFirst(fours === undefined ? flat : (this.#neighbours.get(flat)?.first ?? flat));
    const [c, s] = [cos, sin].map((table) => this.#operand(table, shape, angle)) as [
      string,
      string,
    ];
    return writer.let(`${own} * ${c} + select(${other} * ${s}, -(${other} * ${s}), ${first})`);
  }
}
