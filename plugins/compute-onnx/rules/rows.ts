/** Reductions, and what normalises rows. */
import { float, int } from "../emitter.ts";
import { direct, type Rule } from "./rule.ts";

const reduction =
  (op: string): Rule =>
  (emitter, node, [x]) => {
    const { axes, keepDims } = node.attributes as {
      readonly axes: ReadonlyArray<number>;
      readonly keepDims: boolean;
    };
    if (axes.length === 0) return [emitter.emit("Identity", [x!])]; // ONNX reads no axes as all axes
    return [emitter.emit(op, [x!, emitter.longs(axes)], [int("keepdims", keepDims ? 1 : 0)])];
  };

export const ROW_RULES: Readonly<Record<string, Rule>> = {
  sum: reduction("ReduceSum"),
  max: reduction("ReduceMax"),
  softmax: direct("Softmax", [int("axis", -1)]),
  logSoftmax: direct("LogSoftmax", [int("axis", -1)]),
  rmsNorm: (emitter, node, [x, weight]) => [
    emitter.emit(
      "SimplifiedLayerNormalization",
      [x!, weight!],
      [int("axis", -1), float("epsilon", node.attributes.eps as number), int("stash_type", 1)],
    ),
  ],
};
