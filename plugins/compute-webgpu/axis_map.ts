/** Which axis of a result each axis of a tensor follows, through views between them. */
import { attributesOf, type Node, type Shape } from "@resd/tensor";
import { broadcastStrides } from "./index_map.ts";

/** For each axis of a tensor: the axis of the result that it follows (−1: none), and where it starts. */
export interface AxisMap {
  readonly axes: ReadonlyArray<number>;
  readonly starts: ReadonlyArray<number>;
}

/** How a tensor that broadcasts to `shape` follows its axes. */
export const identity = (own: Shape, shape: Shape): AxisMap => {
  const strides = broadcastStrides(own, shape);
  const missing = shape.length - own.length;
  return {
    axes: own.map((size, axis) =>
      strides[axis + missing] === 0 && size === 1 ? -1 : axis + missing,
    ),
    starts: own.map(() => 0),
  };
};

/** The map of a view's source from that of the view. */
export const below = (node: Node, { axes, starts }: AxisMap): AxisMap => {
  const source = node.inputs[0]!.shape;
  switch (node.op) {
    case "transpose": {
      const { perm } = attributesOf(node, "transpose");
      const moved = (list: ReadonlyArray<number>) =>
        source.map((_, axis) => list[perm.indexOf(axis)]!);
      return { axes: moved(axes), starts: moved(starts) };
    }
    case "slice": {
      const attributes = attributesOf(node, "slice");
      return { axes, starts: starts.map((start, axis) => start + attributes.starts[axis]!) };
    }
    default: {
      const { shape } = node.outputs[0]!;
      const missing = shape.length - source.length;
      const stretched = source.map((size, axis) => size === 1 && shape[axis + missing] !== 1);
      return {
        axes: source.map((_, axis) => (stretched[axis] ? -1 : axes[axis + missing]!)),
        starts: source.map((_, axis) => (stretched[axis] ? 0 : starts[axis + missing]!)),
      };
    }
  }
};
