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

export const FOUR = range(4);
export const XYZW = "xyzw";

export type Names = ReadonlyArray<string>;

/** Four names as one vector. */
export const four = (parts: Names): string => `vec4<f32>(${parts.join(", ")})`;

export const dot = (a: Names, b: Names): string =>
  a.map((x, j) => `dot(${x}, ${b[j]})`).join(" + ");

/** Sums of a row, zeros to begin with. */
export const zeros = (writer: Writer, vectors: number): Names =>
  range(vectors).map(() => writer.variable("vec4<f32>", "vec4<f32>()"));

/** The key after the last one that a query sees. */
export const endOf = (writer: Writer, { causal, T, S }: Pass, query: string): string =>
  causal ? writer.let(`${query} + ${writer.u(S - T + 1)}`) : writer.u(S);

/** The flat number of a query, by which its numbers are found. */
export const numberOf = (
  { H, T }: Pass,
  writer: Writer,
  batch: string,
  head: string,
  row: string,
) => writer.let(`(${batch} * ${writer.u(H)} + ${head}) * ${writer.u(T)} + ${row}`);

/** The operands of a gradient beside those of its pass. */
export const backwardOf = (site: Site) => {
  const core = site.group.core!;
  const [, , , out, numbers, g] = core.inputs as ReadonlyArray<Tensor>;
  return { core, pass: passOf(core), out: out!, numbers: numbers!, g: g! };
};

/** Scores of four keys (or queries): products and what hides them, far below all others where they are not seen. */
export const scoresOf = (
  writer: Writer,
  products: string,
  hidden: Names | undefined,
  seen: string,
): string => {
  const sum = hidden === undefined ? products : `${products} + ${four(hidden)}`;
  return writer.let(`select(vec4<f32>(${UNSEEN}), ${sum}, ${seen})`);
};

/** The greatest score, the sum of weights and what they found, of one query as it meets four more keys. */
export const meetFour = (
  writer: Writer,
  score: string,
  greatest: string,
  total: string,
): { readonly weight: string; readonly shrink: string } => {
  const pairs = writer.let(`max(${score}.xy, ${score}.zw)`);
  const next = writer.let(`max(${greatest}, max(${pairs}.x, ${pairs}.y))`);
  const shrink = writer.let(`exp(${greatest} - ${next})`);
  const weight = writer.let(`exp(${score} - vec4<f32>(${next}))`);
  writer.line(`${greatest} = ${next};`);
  writer.line(`${total} = ${total} * ${shrink} + dot(${weight}, vec4<f32>(1.0));`);
  return { weight, shrink };
};

/** Four numbers from `from` on, below an end. */
export const below = (from: string, end: string): string =>
  `(vec4<u32>(${from}) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(${end}))`;

/** Σ of four vectors by their weights. */
export const weighted = (weight: string, vectors: Names): string =>
  vectors.map((x, i) => `${weight}.${XYZW[i]} * ${x}`).join(" + ");
