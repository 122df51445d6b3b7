/** Which tile of which product of a batch, and which part of the inner dimension, a workgroup computes. */
import type { Product } from "./product.ts";
import type { Writer } from "./writer.ts";

/** The inner dimension cut into parts that are whole slices, but for the end of the last. */
export interface Parts {
  readonly parts: number;
  readonly chunk: number;
  readonly depth: number;
}

/** At most `wanted` parts, none of them empty. */
export const partsOf = (K: number, wanted: number, depth: number): Parts => {
  const chunk = Math.max(1, Math.ceil(K / wanted / depth)) * depth;
  return { parts: Math.max(1, Math.ceil(K / chunk)), chunk, depth };
};

/** What kernels of tiles know of their workgroup, as names. */
export interface Grid {
  readonly rowTile: string;
  readonly columnTile: string;
  /** The product of the batch. */
  readonly number: string;
  /** What precedes an inner step counted from the part's first: nothing, or its position and a plus sign. */
  readonly from: string;
  /** Slices of the part. */
  readonly steps: string;
  /** Position of the matrix in the results of all parts. */
  readonly base: string;
  readonly groups: number;
  /** What labels say of parts. */
  readonly suffix: string;
}

/** Ends workgroups beyond the last, and names what the others compute. */
export const gridOf = (
  writer: Writer,
  { batch, M, N, K }: Product,
  tile: { readonly rows: number; readonly columns: number } & Parts,
): Grid => {
  const { parts, chunk, depth } = tile;
  const rows = Math.ceil(M / tile.rows);
  const columns = Math.ceil(N / tile.columns);
  const groups = rows * columns * batch * parts;
  writer.line(`if (group >= ${writer.u(groups)}) { return; }`);
  const columnTile = writer.let(`group % ${writer.u(columns)}`);
  const above = writer.let(`group / ${writer.u(columns)}`);
  const rowTile = writer.let(`${above} % ${writer.u(rows)}`);
  const matrix = batch * parts === 1 ? "0u" : writer.let(`${above} / ${writer.u(rows)}`);
  const base = matrix === "0u" ? "0u" : writer.let(`${matrix} * ${writer.u(M * N)}`);
  if (parts === 1) {
    const steps = writer.u(Math.ceil(K / depth));
    return { rowTile, columnTile, number: matrix, from: "", steps, base, groups, suffix: "" };
  }
  const number = batch === 1 ? "0u" : writer.let(`${matrix} % ${writer.u(batch)}`);
  const part = batch === 1 ? matrix : writer.let(`${matrix} / ${writer.u(batch)}`);
  const start = writer.let(`${part} * ${writer.u(chunk)}`);
  const length = `min(${writer.u(K)} - ${start}, ${writer.u(chunk)})`;
  const steps = writer.let(`(${length} + ${depth - 1}u) / ${depth}u`);
  const suffix = `, ${parts} parts`;
  return { rowTile, columnTile, number, from: `${start} + `, steps, base, groups, suffix };
};
