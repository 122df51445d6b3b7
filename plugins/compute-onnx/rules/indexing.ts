/** Operations on places that other arrays name. */
import type { Tensor } from "@resd/tensor";
import { type Emitter, int, sizeOf } from "../emitter.ts";
import { ELEMENT } from "../onnx_proto.ts";
import { direct, input, outputShape, type Rule, sameShape, type SpecialRule } from "./rule.ts";

/** The row ids of a scatter, repeated over the columns, as ScatterElements wants them. */
const expandIds = (emitter: Emitter, ids: string, rows: number, width: number): string =>
  emitter.emit("Expand", [
    emitter.emit("Reshape", [ids, emitter.longs([rows, 1])]),
    emitter.longs([rows, width]),
  ]);

const zeros = (emitter: Emitter, shape: ReadonlyArray<number>): string =>
  emitter.emit("Expand", [emitter.scalar(0), emitter.longs(shape)]);

export const INDEXING_RULES: Readonly<Record<string, Rule>> = {
  gatherRows: direct("Gather", [int("axis", 0)]),
  gatherLast: direct("GatherElements", [int("axis", -1)]),
  // ScatterND(add) races on duplicate ids when an operator has several threads; ScatterElements is serial and right.
  scatterAddRows: (emitter, node, [rows, ids]) => {
    const [height, width] = outputShape(node) as [number, number];
    const count = sizeOf(input(node, 1).shape);
    return [
      emitter.emit(
        "ScatterElements",
        [
          zeros(emitter, [height, width]),
          expandIds(emitter, ids!, count, width),
          emitter.emit("Reshape", [rows!, emitter.longs([count, width])]),
        ],
        [int("axis", 0), { name: "reduction", type: "string", value: "add" }],
      ),
    ];
  },
  scatterAddLast: (emitter, node, [values, ids]) => [
    emitter.emit(
      "ScatterElements",
      [zeros(emitter, outputShape(node)), ids!, values!],
      [int("axis", -1), { name: "reduction", type: "string", value: "add" }],
    ),
  ],
  topK: (emitter, node, [x]) => {
    const [values, indices] = emitter.emitMany(
      "TopK",
      [x!, emitter.longs([node.outputs[0]!.shape.at(-1)!])],
      2,
      [int("axis", -1), int("largest", 1), int("sorted", 1)],
    );
    return [values!, emitter.emit("Cast", [indices!], [int("to", ELEMENT.i32)])];
  },
};

/** −x; of a product with a number a row those numbers are turned, which are few. */
const negated = (emitter: Emitter, x: Tensor, name: (tensor: Tensor) => string): string => {
  const [all, perRow] = x.node.inputs;
  return x.node.op === "mul" && perRow?.shape.at(-1) === 1 && sameShape(all!.shape, x.shape)
    ? emitter.emit("Mul", [name(all!), emitter.emit("Neg", [name(perRow)])])
    : emitter.emit("Neg", [name(x)]);
};

/**
 * scatterAddLast(values, ids) − x, with one id a row, as a scatter into −x: the gradient of a log-prob, without an array of
 * zeros and a pass over all of it. The same numbers: 0 − x is −x, and v − x is −x + v.
 */
export const scatterIntoRule: SpecialRule = (emitter, node, name) => {
  const [scattered, x] = node.inputs as [Tensor, Tensor];
  const [values, ids] = scattered.node.inputs;
  if (
    scattered.node.op !== "scatterAddLast" ||
    ids!.shape.at(-1) !== 1 ||
    !sameShape(x.shape, scattered.shape)
  ) {
    return undefined;
  }
  return [
    emitter.emit(
      "ScatterElements",
      [negated(emitter, x, name), name(ids!), name(values!)],
      [int("axis", -1), { name: "reduction", type: "string", value: "add" }],
    ),
  ];
};
