/** What the kernels of one group know of the schedule that they become part of. */
import type { DType, Node, Tensor } from "@resd/tensor";
import { Expression, stored } from "./expression.ts";
import type { Group } from "./fuse.ts";
import { elementOf, type Kernel, type ValueId } from "./schedule.ts";
import { type Target, Writer } from "./writer.ts";

export interface Site {
  readonly target: Target;
  readonly group: Group;
  /** The storage of a tensor, undefined where it has none. */
  readonly storage: (tensor: Tensor) => ValueId | undefined;
  /** The storage of a tensor that must have one. */
  readonly value: (tensor: Tensor) => ValueId;
  /** Whether anything needs this result of a node. */
  readonly used: (tensor: Tensor) => boolean;
  readonly size: (value: ValueId) => number;
  /** A value that only this group's kernels know. */
  readonly scratch: (label: string, size: number, dtype: DType) => ValueId;
  /** Whether nobody reads a value after this group, so that a result may take its place. */
  readonly dies: (value: ValueId) => boolean;
  /** Lets `result` live where `value` does. */
  readonly takeOver: (result: ValueId, value: ValueId) => void;
  /** Values that kernels of an earlier group have found already, by what they are. */
  readonly memo: Map<string, ValueId>;
}

/** The tensor of one output of a node. */
export const outputOf = (node: Node, index = 0): Tensor => ({
  node,
  index,
  ...node.outputs[index]!,
});

/** The tensor whose storage a chain of reshapes shows. */
export const unshaped = (tensor: Tensor): Tensor => {
  let current = tensor;
  while (current.node.op === "reshape") current = current.node.inputs[0]!;
  return current;
};

/** Writes kernels whose last step stores an element of the group's root. */
export class RootKernel {
  readonly writer: Writer;
  readonly expression: Expression;
  readonly #site: Site;
  readonly #root: Tensor;
  readonly #value: ValueId;

  /** `vectors`: buffers that are read four numbers at a time. */
  constructor(site: Site, vectors: ReadonlySet<ValueId> = new Set()) {
    this.writer = new Writer(site.target);
    this.expression = new Expression(this.writer, site.storage, vectors);
    this.#site = site;
    this.#root = outputOf(site.group.root);
    this.#value = site.value(this.#root);
  }

  /**
   * Stores element `i` of the root, whose core is `result` there. Everything at position `i` is read by the thread that
   * writes it, before it does; that is what lets a result take the place of an operand.
   */
  store(i: string, result?: string): void {
    const { core } = this.#site.group;
    if (core !== undefined && result !== undefined) this.expression.give(outputOf(core), i, result);
    const { dtype } = this.#root;
    const name = this.expression.root(this.#root, i);
    const out = this.writer.buffer(this.#value, dtype, "modify");
    this.writer.line(`${out}[${i}] = ${stored(name, dtype)};`);
  }

  /** Stores elements 4·at to 4·at + 3 of the root at once. */
  storeFour(at: string): void {
    const { dtype } = this.#root;
    const flats = this.expression.neighbours(this.writer.let(`${at} * 4u`), at);
    const parts = flats.map((flat) => stored(this.expression.root(this.#root, flat), dtype));
    const out = this.writer.buffer(this.#value, dtype, "modify", 4);
    this.writer.line(`${out}[${at}] = vec4<${elementOf(dtype)}>(${parts.join(", ")});`);
  }

  /** The finished kernel. `position` is the name under which elements were stored. */
  finish(
    label: string,
    lanes: number,
    groups: number,
    position: string,
    operands: ReadonlyArray<ValueId> = [],
  ): Kernel {
    const { size, dies, takeOver } = this.#site;
    const { dtype } = this.#root;
    const merged = new Map<ValueId, ValueId>();
    for (const [value, { positions, dtype: read }] of this.expression.reads) {
      const alone = positions.size === 1 && positions.has(position) && !operands.includes(value);
      const fits = read === dtype && size(value) === size(this.#value);
      if (alone && fits && dies(value)) {
        merged.set(value, this.#value);
        takeOver(this.#value, value);
        break;
      }
    }
    return this.writer.finish(label, lanes, groups, merged);
  }
}
