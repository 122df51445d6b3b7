/** Reading and adding by i32 ids. An id outside its axis is the caller's mistake: the interpreter throws, a backend need not. */
import { apply, applyAll } from "./apply.ts";
import type { Tensor } from "./tensor.ts";

/** table[V,D], ids[…] → […,D]: an embedding. */
export const gatherRows = (table: Tensor, ids: Tensor): Tensor =>
  apply("gatherRows", [table, ids], {});

/** rows[…,D], ids[…] → [size,D]: adds each row to its id's row; duplicates add up. */
export const scatterAddRows = (rows: Tensor, ids: Tensor, size: number): Tensor =>
  apply("scatterAddRows", [rows, ids], { size });

/** x[…,V], ids[…,K] → […,K]. Leading axes must be equal. */
export const gatherLast = (x: Tensor, ids: Tensor): Tensor => apply("gatherLast", [x, ids], {});

/** values[…,K], ids[…,K] → […,size]: adds each value at its id; duplicates add up. */
export const scatterAddLast = (values: Tensor, ids: Tensor, size: number): Tensor =>
  apply("scatterAddLast", [values, ids], { size });

/** The k greatest of the last axis, descending, ties to the lower index; indices are i32. */
export const topK = (
  x: Tensor,
  k: number,
): { readonly values: Tensor; readonly indices: Tensor } => {
  const [values, indices] = applyAll("topK", [x], { k });
  return { values: values!, indices: indices! };
};
