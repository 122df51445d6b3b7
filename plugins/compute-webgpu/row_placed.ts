/** Results of rows into which few values are put at places that ids name, after everything else is stored. */
import { type Node, sameShape, type Tensor } from "@resd/tensor";
import type { RowRegion } from "./row_regions.ts";

/** A result into which values are put after all its other elements are known. */
export interface Placed {
  /** The elements before; zeros when absent. */
  readonly base: Tensor | undefined;
  readonly values: Tensor;
  readonly ids: Tensor;
}

export const placedIn = ({ node, shape }: Tensor, { levels }: RowRegion): Placed | undefined => {
  const isScatter = (x: Node): boolean => x.op === "scatterAddLast" && levels.has(x);
  const [a, b] = node.inputs as [Tensor, Tensor];
  if (isScatter(node)) return { base: undefined, values: a, ids: b };
  if (node.op !== "add" || a.node === b.node) return undefined;
  const scatter = [a, b].find((x) => isScatter(x.node) && sameShape(x.shape, shape));
  if (scatter === undefined) return undefined;
  const [values, ids] = scatter.node.inputs as [Tensor, Tensor];
  return { base: scatter === a ? b : a, values, ids };
};
