/** What all kernels of attention share: sizes, where rows lie, which keys a query sees. */
import { attributesOf, type Node, type Tensor } from "@resd/tensor";
import { broadcastStrides } from "../index_map.ts";
import type { Site } from "../site.ts";
import { stridedView } from "../strided_view.ts";
import type { Writer } from "../writer.ts";

/** One attention: operands by name, and sizes. */
export interface Pass {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly mask: Tensor | undefined;
  readonly scale: number;
  readonly causal: boolean;
  readonly B: number;
  readonly H: number;
  readonly G: number;
  readonly T: number;
  readonly S: number;
  readonly D: number;
}

/** The pass of an attention node or of its gradient. */
export const passOf = (node: Node): Pass => {
  const [q, k, v] = node.inputs as [Tensor, Tensor, Tensor];
  const isGradient = node.op === "attentionGradient";
  const { scale, causal } = attributesOf(node, "attention");
  const [B, H, T, D] = q.shape as [number, number, number, number];
  const [, G, S] = k.shape as [number, number, number];
  const mask = node.inputs[isGradient ? 6 : 3];
  return { q, k, v, mask, scale, causal, B, H, G, T, S, D };
};

/** Where the rows of an operand [B,heads,rows,D] lie. */
export interface Rows {
  /** The name of its buffer, of vectors. */
  readonly buffer: string;
  /** Where a row begins, in vectors; all three are names or numbers. */
  readonly at: (batch: string, head: string, row: string) => string;
}

/** Reads the rows of an operand from what it is a view of. */
export const rowsOf = (writer: Writer, site: Site, x: Tensor): Rows => {
  const { source, strides, offset } = stridedView(x, (one) => site.storage(one) !== undefined)!;
  return {
    buffer: writer.buffer(site.value(source), x.dtype, "read", 4),
    at: (...coordinates) => {
      const terms = coordinates.flatMap((name, axis) => {
        const step = x.shape[axis] === 1 ? 0 : strides[axis]! / 4;
        if (step === 0) return [];
        return [step === 1 ? name : `${name} * ${writer.u(step)}`];
      });
      if (offset !== 0) terms.push(writer.u(offset / 4));
      return writer.let(terms.join(" + ") || "0u");
    },
  };
};

/** Rows of a result [B,heads,rows,D] in row-major order: where one begins, in vectors. */
export const denseRow = (
  writer: Writer,
  { shape }: Tensor,
  batch: string,
  head: string,
  row: string,
): string => {
  const [, heads, rows, width] = shape as [number, number, number, number];
  return writer.let(
    `((${batch} * ${writer.u(heads)} + ${head}) * ${writer.u(rows)} + ${row}) * ${writer.u(width / 4)}`,
  );
};

/** What the mask adds to the score of a query and a key, as an expression; nothing where there is no mask. */
export const maskAt = (
  writer: Writer,
  site: Site,
  { mask, B, T, S }: Pass,
): ((batch: string, query: string, key: string) => string) | undefined => {
  if (mask === undefined) return undefined;
  const buffer = writer.buffer(site.value(mask), mask.dtype);
  const strides = broadcastStrides(mask.shape, [B, 1, T, S]);
  return (batch, query, key) => {
    const terms = [batch, "0u", query, key].flatMap((name, axis) =>
      strides[axis] === 0 ? [] : [`${name} * ${writer.u(strides[axis]!)}`],
    );
    return `${buffer}[${terms.join(" + ") || "0u"}]`;
  };
};

/** Far below every score: its exponential is 0 beside any other. */
export const UNSEEN = "-3.0e38";

export const range = (count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => i);
