/** Rules that differ on WebGPU. */
import { type Emitter } from "../emitter.ts";
import type { MatMulAttributes } from "./products.ts";
import { input, type Rule } from "./rule.ts";

/** From here exp(x) − 1 loses fewer than two bits. */
const SMALL = 0.5;
/** Terms of the series that are exact to the last bit below that. */
const TERMS = 9;

/** A matrix, or each of a batch, with rows for columns. */
const swapped = (emitter: Emitter, name: string, rank: number): string => {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const perm = [...axes.slice(0, -2), rank - 1, rank - 2];
  return emitter.emit("Transpose", [name], [{ name: "perm", type: "ints", value: perm }]);
};

/**
 * Rules that differ where the kernels are those for WebGPU. Their tanh is made of exponentials and loses what is small; and
 * products of transposed matrices have no kernel there, so that FusedMatMul would leave the GPU.
 */
export const WEBGPU_RULES: Readonly<Record<string, Rule>> = {
  matMul: (emitter, node, [a, b]) => {
    const { transA, transB, alpha } = node.attributes as unknown as MatMulAttributes;
    const left = transA ? swapped(emitter, a!, input(node, 0).shape.length) : a!;
    const right = transB ? swapped(emitter, b!, input(node, 1).shape.length) : b!;
    const product = emitter.emit("MatMul", [left, right]);
    return [alpha === 1 ? product : emitter.emit("Mul", [product, emitter.scalar(alpha)])];
  },
  // Below ½: x·(1 + x/2·(1 + x/3·(1 + …))).
  expm1: (emitter, _node, [x]) => {
    const one = emitter.scalar(1);
    let series = one;
    for (let term = TERMS; term > 1; term--) {
      const scaled = emitter.emit("Mul", [x!, emitter.scalar(1 / term)]);
      series = emitter.emit("Add", [one, emitter.emit("Mul", [scaled, series])]);
    }
    const small = emitter.emit("Less", [emitter.emit("Abs", [x!]), emitter.scalar(SMALL)]);
    const large = emitter.emit("Sub", [emitter.emit("Exp", [x!]), one]);
    return [emitter.emit("Where", [small, emitter.emit("Mul", [x!, series]), large])];
  },
};
