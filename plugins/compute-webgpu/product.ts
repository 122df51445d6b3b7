/** A product of matrices as its kernels see it: sizes, operands, and how each operand is read. */
import { attributesOf, type Node, sizeOf, type Tensor } from "@resd/tensor";
import { broadcastStrides, viewIndex } from "./index_map.ts";
import type { ValueId } from "./schedule.ts";
import { RootKernel, type Site } from "./site.ts";
import type { Writer } from "./writer.ts";

export interface Product {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
  readonly leading: ReadonlyArray<number>;
  readonly batch: number;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

export const productOf = (node: Node): Product => {
  const [a, b] = node.inputs as [Tensor, Tensor];
  const { transA, transB, alpha } = attributesOf(node, "matMul");
  const { shape } = node.outputs[0]!;
  const leading = shape.slice(0, -2);
  return {
    a,
    b,
    transA,
    transB,
    alpha,
    leading,
    batch: sizeOf(leading),
    M: shape.at(-2)!,
    N: shape.at(-1)!,
    K: a.shape.at(transA ? -2 : -1)!,
  };
};

/** How both operands lie, `n` or `t` each. */
export const layoutOf = ({ transA, transB }: Pick<Product, "transA" | "transB">): string =>
  `${transA ? "t" : "n"}${transB ? "t" : "n"}`;

/** What labels say of a product besides its kernel. */
export const shownProduct = ({ batch, M, K, N }: Product): string =>
  `${batch === 1 ? "" : `${batch} of `}${M}x${K}x${N}`;

/** Where the matrix of one product of a batch begins, in elements. */
export const matrixStart = (
  writer: Writer,
  x: Tensor,
  leading: ReadonlyArray<number>,
  batch: string,
): string => {
  const size = sizeOf(x.shape.slice(-2));
  const strides = broadcastStrides(x.shape.slice(0, -2), leading).map((stride) => stride * size);
  return viewIndex(writer, leading, batch, strides);
};

/** One side of a product. Its lines are the rows of the left operand, or the columns of the right one. */
export interface Side {
  readonly tensor: Tensor;
  readonly value: ValueId;
  readonly lines: number;
  /** Whether its last axis is the inner dimension; else it is that of the lines. */
  readonly along: boolean;
  /** Numbers a read along the last axis. */
  readonly width: 1 | 4;
}

/** The values that are read number by number after the product, so that no kernel may bind them as vectors. */
const readAfter = (site: Site): ReadonlyMap<ValueId, unknown> => {
  const after = new RootKernel(site);
  if (site.group.root !== site.group.core) after.store("i", "result");
  return after.expression.reads;
};

/** Both sides, read by fours where last axes allow it and nothing else needs single numbers of the same buffer. */
export const sidesOf = (site: Site, product: Product): readonly [Side, Side] => {
  const { a, b, transA, transB, M, N } = product;
  const after = readAfter(site);
  const values = [site.value(a), site.value(b)] as const;
  const fours = [a, b].map(
    ({ shape }, side) => shape.at(-1)! % 4 === 0 && !after.has(values[side]!),
  );
  const shared = values[0] === values[1];
  const width = (side: number): 1 | 4 => ((shared ? fours[0]! && fours[1]! : fours[side]!) ? 4 : 1);
  return [
    { tensor: a, value: values[0], lines: M, along: !transA, width: width(0) },
    { tensor: b, value: values[1], lines: N, along: transB, width: width(1) },
  ];
};

/** Reads of one side: its buffer, where its matrix begins in units of `width`, and the f32 at an index. */
export interface Reads {
  readonly start: string;
  readonly at: (index: string) => string;
}

export const readsOf = (writer: Writer, side: Side, product: Product, number: string): Reads => {
  const { tensor, value, width } = side;
  const start = matrixStart(writer, tensor, product.leading, number);
  const name = writer.buffer(value, tensor.dtype, "read", width);
  const type = width === 4 ? "vec4<f32>" : "f32";
  return {
    start: width === 4 && start !== "0u" ? writer.let(`${start} / 4u`) : start,
    at: (index) => (tensor.dtype === "f16" ? `${type}(${name}[${index}])` : `${name}[${index}]`),
  };
};
