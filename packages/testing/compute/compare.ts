/** How far a backend may be from the interpreter. */
import type { HostArray } from "@resd/core";
import type { Values } from "@resd/tensor";
import { Effect } from "effect";
import { broken, demand } from "../law.ts";

/**
 * Demands that `got` equals `wanted`: whole numbers and booleans exactly, floats within `tolerance` of the largest
 * magnitude in the output (at least 1), non-finite values in the same places.
 */
export const demandClose = Effect.fnUntraced(function* (
  got: HostArray | undefined,
  wanted: Values,
  tolerance: number,
  where: string,
) {
  if (got === undefined) {
    return yield* broken("a value for every output that is read", "none", `at ${where}`);
  }
  yield* demand(
    got.length === wanted.length,
    `${wanted.length} values`,
    `${got.length}`,
    `at ${where}`,
  );
  const exact = wanted instanceof Int32Array;
  let scale = 1;
  for (const value of wanted) {
    if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  }
  for (let i = 0; i < wanted.length; i++) {
    const a = got[i] as number;
    const b = wanted[i] as number;
    const fine = exact ? a === b : Object.is(a, b) || Math.abs(a - b) <= tolerance * scale;
    if (!fine) {
      const allowed = exact ? "exactly" : `within ${tolerance * scale} of`;
      return yield* broken(`${allowed} ${b}`, `${a}`, `at ${where}, element ${i}`);
    }
  }
});
