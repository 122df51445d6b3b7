/** Operations that move numbers and change none. */
import { int } from "../emitter.ts";
import { input, outputShape, type Rule } from "./rule.ts";

export const MOVEMENT_RULES: Readonly<Record<string, Rule>> = {
  reshape: (emitter, node, [x]) => [
    emitter.emit("Reshape", [x!, emitter.longs(outputShape(node))]),
  ],
  transpose: (emitter, node, [x]) => [
    emitter.emit(
      "Transpose",
      [x!],
      [{ name: "perm", type: "ints", value: node.attributes.perm as ReadonlyArray<number> }],
    ),
  ],
  slice: (emitter, node, [x]) => {
    const { starts, ends } = node.attributes as {
      readonly starts: ReadonlyArray<number>;
      readonly ends: ReadonlyArray<number>;
    };
    const shape = input(node, 0).shape;
    const axes = shape.flatMap((size, axis) =>
      starts[axis] === 0 && ends[axis] === size ? [] : [axis],
    );
    if (axes.length === 0) return [emitter.emit("Identity", [x!])];
    return [
      emitter.emit("Slice", [
        x!,
        emitter.longs(axes.map((axis) => starts[axis]!)),
        emitter.longs(axes.map((axis) => ends[axis]!)),
        emitter.longs(axes),
      ]),
    ];
  },
  concat: (emitter, node, inputs) => [
    emitter.emit("Concat", inputs, [int("axis", node.attributes.axis as number)]),
  ],
  pad: (emitter, node, [x]) => {
    const { before, after, value } = node.attributes as {
      readonly before: ReadonlyArray<number>;
      readonly after: ReadonlyArray<number>;
      readonly value: number;
    };
    return [
      emitter.emit("Pad", [
        x!,
        emitter.longs([...before, ...after]),
        emitter.scalar(value, input(node, 0).dtype),
      ]),
    ];
  },
  broadcastTo: (emitter, node, [x]) => [
    emitter.emit("Expand", [x!, emitter.longs(outputShape(node))]),
  ],
};
