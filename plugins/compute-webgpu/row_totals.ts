/** What passes over a row have to find before the elements of its results can be computed. */
import type { Node, Tensor } from "@resd/tensor";
import type { RowRegion } from "./row_regions.ts";

/** What a pass finds of a tensor: its greatest element, its sum, or the sum of e to the power of what it lies below the greatest. */
export interface Total {
  readonly what: "greatest" | "sum" | "exponentials";
  readonly x: Tensor;
  /** Passes before this one. */
  readonly pass: number;
}

/** What nodes need to be known, each once, in the order of passes. */
export const totalsOf = (
  nodes: ReadonlySet<Node>,
  { levels }: RowRegion,
  idOf: (x: Tensor) => string,
): ReadonlyArray<Total> => {
  const totals = new Map<string, Total>();
  const need = (what: Total["what"], x: Tensor, pass: number): void => {
    totals.set(`${what} ${idOf(x)}`, { what, x, pass });
  };
  for (const node of nodes) {
    const [x] = node.inputs as [Tensor];
    const pass = x === undefined ? 0 : (levels.get(x.node) ?? 0);
    if (node.op === "softmax" || node.op === "logSoftmax") {
      need("greatest", x, pass);
      need("exponentials", x, pass + 1);
    } else if (node.op === "sum") need("sum", x, pass);
    else if (node.op === "max" && !(x.node.op === "softmax" && levels.has(x.node))) {
      need("greatest", x, pass);
    }
  }
  return [...totals.values()].toSorted((a, b) => a.pass - b.pass);
};
