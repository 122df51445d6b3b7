/** A tensor in pieces along its first axis, each small enough to be bound. */
import { ComputeError } from "@resd/core";
import { concat, type Node, sizeOf, sliceAxis, type Tensor, type TensorType } from "@resd/tensor";
import { elementBytes } from "./schedule.ts";
import type { Target } from "./writer.ts";

/** Rows `from` ≤ i < `to` of the first axis. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

export interface RowShards extends TensorType {
  readonly parts: ReadonlyArray<Rows & { readonly tensor: Tensor }>;
}

/** A tensor of a graph that may be in pieces. */
export type Part = Tensor | RowShards;

export const isSharded = (x: Part): x is RowShards => "parts" in x;

/** What an adapter can bind. */
export type BindingLimits = Pick<Target, "maxBinding" | "bindingAlignment">;

/** Bytes of a tensor's elements on the device. */
export const tensorBytes = ({ shape, dtype }: TensorType): number =>
  sizeOf(shape) * elementBytes(dtype);

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);

/** Some rows of a tensor, of all its pieces that have any of them. */
export const rowsOf = (x: Part, { from, to }: Rows): Tensor => {
  if (!isSharded(x)) return sliceAxis(x, 0, from, to);
  const pieces = x.parts
    .filter((part) => part.from < to && part.to > from)
    .map((part) =>
      sliceAxis(
        part.tensor,
        0,
        Math.max(from, part.from) - part.from,
        Math.min(to, part.to) - part.from,
      ),
    );
  return pieces.length === 1 ? pieces[0]! : concat(pieces, 0);
};

/** Where the tensors of one graph are cut. */
export class Cutter {
  readonly #limits: BindingLimits;
  readonly #graph: string;

  constructor(limits: BindingLimits, graph: string) {
    this.#limits = limits;
    this.#graph = graph;
  }

  isLarge(type: TensorType): boolean {
    return tensorBytes(type) > this.#limits.maxBinding;
  }

  /**
   * Equal ranges of rows, the last one shorter, that fit into a binding and begin where one may begin; where that is too
   * much to ask, any that fit, unless they are to be `windows` of a buffer. Throws a ComputeError where not even such a
   * range fits.
   */
  cut(type: TensorType, label: string, windows = false): ReadonlyArray<Rows> {
    const { maxBinding, bindingAlignment } = this.#limits;
    const rows = type.shape[0] ?? 1;
    const bytes = tensorBytes(type) / rows;
    const unit = bindingAlignment / greatestCommonDivisor(bytes, bindingAlignment);
    const fit = Math.floor(maxBinding / bytes);
    const most = Math.floor(fit / unit) * unit || (windows ? 0 : fit);
    if (most === 0) {
      const together = windows && unit > 1 ? `, ${unit} of them together` : "";
      throw new ComputeError({
        op: label,
        message: `Expected rows of at most ${maxBinding} bytes, which this adapter can bind${together}, got ${bytes} bytes a row of ${label} [${type.shape.join(", ")}], at ${this.#graph}; use fewer rows a batch, a smaller model, or another adapter`,
      });
    }
    return Array.from({ length: Math.ceil(rows / most) }, (_, i) => ({
      from: i * most,
      to: Math.min(rows, (i + 1) * most),
    }));
  }

  /** One tensor again where it fits, else its pieces. */
  join(type: TensorType, ranges: ReadonlyArray<Rows>, tensors: ReadonlyArray<Tensor>): Part {
    if (!this.isLarge(type)) return concat(tensors, 0);
    const { shape, dtype } = type;
    return { shape, dtype, parts: ranges.map((rows, i) => ({ ...rows, tensor: tensors[i]! })) };
  }

  /** What must not be in pieces for an operation. */
  whole(node: Node, x: Part): Tensor {
    return isSharded(x) ? this.refuse(node) : x;
  }

  refuse({ op, inputs, outputs }: Node): never {
    const types = [...inputs, ...outputs].map(({ shape }) => `[${shape.join(", ")}]`).join(" ");
    throw new ComputeError({
      op,
      message: `Expected operations row by row on tensors of more than ${this.#limits.maxBinding} bytes, which this adapter can bind, got ${op} ${types}, at ${this.#graph}; use fewer rows a batch, a smaller model, or another adapter`,
    });
  }
}
