/** Products of matrices. */
import type { Node } from "@resd/tensor";
import { CONTRIB, type Emitter, float, int, sizeOf } from "../emitter.ts";
import { input, outputShape, type Rule } from "./rule.ts";

export interface MatMulAttributes {
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
}

const emitMatMul = (
  emitter: Emitter,
  a: string,
  b: string,
  { transA, transB, alpha }: MatMulAttributes,
): string =>
  !transA && !transB && alpha === 1
    ? emitter.emit("MatMul", [a, b])
    : emitter.emit(
        "FusedMatMul",
        [a, b],
        [int("transA", transA ? 1 : 0), int("transB", transB ? 1 : 0), float("alpha", alpha)],
        CONTRIB,
      );

/** Up to this many rows, by matrices of at least so many numbers a row, rows are multiplied one by one. */
const FEW_ROWS = 4;
const LARGE_MATRIX = 2048;

/**
 * Few rows by a large matrix of their own: attention of one token over a cache. ONNX Runtime repacks the matrix for two
 * rows or more, or for a factor, which takes longer than the product; one row is multiplied straight from memory.
 */
const rowByRow = (node: Node): boolean => {
  const [a, b] = [input(node, 0).shape, input(node, 1).shape];
  const { transA, alpha } = node.attributes as unknown as MatMulAttributes;
  const rows = a.at(-2)!;
  return (
    !transA &&
    a.length > 2 &&
    b.length === a.length &&
    sizeOf(b.slice(0, -2)) > 1 &&
    rows <= FEW_ROWS &&
    (rows > 1 || alpha !== 1) &&
    b.at(-1)! * b.at(-2)! >= LARGE_MATRIX * rows
  );
};

/** alpha·a·b as one product a row: [..,R,K] as [..,R,1,K] by [..,1,K,N], or by its transpose. */
const multiplyRows = (emitter: Emitter, node: Node, a: string, b: string): string => {
  const [aShape, bShape] = [input(node, 0).shape, input(node, 1).shape];
  const { transB, alpha } = node.attributes as unknown as MatMulAttributes;
  const reshape = (x: string, shape: ReadonlyArray<number>) =>
    emitter.emit("Reshape", [x, emitter.longs(shape)]);
  const scaled = alpha === 1 ? a : emitter.emit("Mul", [a, emitter.scalar(alpha)]);
  const rows = reshape(scaled, [...aShape.slice(0, -1), 1, aShape.at(-1)!]);
  const matrices = reshape(b, [...bShape.slice(0, -2), 1, ...bShape.slice(-2)]);
  const product = emitMatMul(emitter, rows, matrices, { transA: false, transB, alpha: 1 });
  return reshape(product, outputShape(node));
};

export const PRODUCT_RULES: Readonly<Record<string, Rule>> = {
  matMul: (emitter, node, [a, b]) => {
    if (rowByRow(node)) return [multiplyRows(emitter, node, a!, b!)];
    const { transA, transB, alpha } = node.attributes as unknown as MatMulAttributes;
    return [emitMatMul(emitter, a!, b!, { transA, transB, alpha })];
  },
};
