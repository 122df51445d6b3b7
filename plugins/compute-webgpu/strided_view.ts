/** Tensors that are nothing but another way through storage: each axis has a step. */
import { attributesOf, type Tensor } from "@resd/tensor";
import { broadcastStrides, stridesOf } from "./index_map.ts";

/** A tensor as steps through the storage of another. */
export interface StridedView {
  /** What is stored. */
  readonly source: Tensor;
  /** Elements between neighbours along each axis of the view. */
  readonly strides: ReadonlyArray<number>;
  readonly offset: number;
}

const isDense = ({ strides, offset }: StridedView, shape: ReadonlyArray<number>): boolean =>
  offset === 0 &&
  stridesOf(shape).every((step, axis) => shape[axis] === 1 || step === strides[axis]);

/** The view that a tensor is, of the nearest storage below it; undefined where something has to be computed in between. */
export const stridedView = (
  tensor: Tensor,
  isStored: (tensor: Tensor) => boolean,
): StridedView | undefined => {
  const { node, shape } = tensor;
  if (isStored(tensor)) return { source: tensor, strides: stridesOf(shape), offset: 0 };
  const [x] = node.inputs as [Tensor];
  const below = VIEWS.has(node.op) ? stridedView(x, isStored) : undefined;
  if (below === undefined) return undefined;
  const { source, strides, offset } = below;
  switch (node.op) {
    case "reshape":
      return isDense(below, x.shape) ? { source, strides: stridesOf(shape), offset } : undefined;
    case "transpose": {
      const { perm } = attributesOf(node, "transpose");
      return { source, strides: perm.map((axis) => strides[axis]!), offset };
    }
    case "slice": {
      const { starts } = attributesOf(node, "slice");
      const start = starts.reduce((sum, at, axis) => sum + at * strides[axis]!, offset);
      return { source, strides, offset: start };
    }
    default: {
      const missing = shape.length - x.shape.length;
      const stretched = broadcastStrides(x.shape, shape);
      return {
        source,
        strides: shape.map((_, axis) =>
          axis < missing || stretched[axis] === 0 ? 0 : strides[axis - missing]!,
        ),
        offset,
      };
    }
  }
};

const VIEWS = new Set(["reshape", "transpose", "slice", "broadcastTo"]);

/** Whether rows of a view, along its last axis, can be read four numbers at a time. */
export const hasVectors = ({ strides, offset }: StridedView, width: number): boolean =>
  width % 4 === 0 &&
  offset % 4 === 0 &&
  strides.every((step, axis) => (axis === strides.length - 1 ? step === 1 : step % 4 === 0));
