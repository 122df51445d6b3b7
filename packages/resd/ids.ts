/** Sequences of token ids. */
import type { Ids } from "@resd/core";

/** One sequence behind the other, as a new array. */
export const joinIds = (first: Ids, second: Ids): Ids => {
  const ids = new Int32Array(first.length + second.length);
  ids.set(first);
  ids.set(second, first.length);
  return ids;
};
