/** Sets of named arrays that live on a backend: parameters, gradients, optimizer state. */
import type { Arr, ComputeError, ComputeShape, HostArray } from "@resd/core";
import { Effect } from "effect";

/** Handles by tensor name. */
export type Arrays = Readonly<Record<string, Arr>>;

/** What is known of a named tensor before it exists. */
export interface ArraySpec {
  readonly name: string;
  readonly shape: ReadonlyArray<number>;
}

/** Uploads host data under the names of `specs`. */
export const putArrays = Effect.fnUntraced(function* (
  compute: ComputeShape,
  specs: ReadonlyArray<ArraySpec>,
  dataOf: (spec: ArraySpec) => HostArray,
): Effect.fn.Return<Arrays, ComputeError> {
  const arrays: Record<string, Arr> = {};
  for (const spec of specs) arrays[spec.name] = yield* compute.put(dataOf(spec), spec.shape);
  return arrays;
});

/** The arrays under longer names: what a program that reads several sets calls its inputs. */
export const prefixed = (prefix: string, arrays: Arrays): Record<string, Arr> => {
  const renamed: Record<string, Arr> = {};
  for (const name of Object.keys(arrays)) renamed[prefix + name] = arrays[name] as Arr;
  return renamed;
};

/** Floats over memory that nobody shares, as files are written from. */
export const unshared = (data: Float32Array): Float32Array<ArrayBuffer> =>
  data.buffer instanceof ArrayBuffer ? (data as Float32Array<ArrayBuffer>) : new Float32Array(data);

/** Host copies of all arrays, by name. */
export const getArrays = Effect.fnUntraced(function* (
  compute: ComputeShape,
  arrays: Arrays,
): Effect.fn.Return<Map<string, Float32Array<ArrayBuffer>>, ComputeError> {
  const copies = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, array] of Object.entries(arrays)) {
    copies.set(name, unshared((yield* compute.get(array)) as Float32Array));
  }
  return copies;
});

/** Gives the arrays back to the backend; their handles are spent. */
export const releaseArrays = (
  compute: ComputeShape,
  arrays: Arrays,
): Effect.Effect<void, ComputeError> => compute.release(Object.values(arrays));

/** The arrays whose names begin with `prefix`, without it: the inverse of `prefixed`. */
export const withPrefix = (arrays: Arrays, prefix: string): Record<string, Arr> => {
  const found: Record<string, Arr> = {};
  for (const name of Object.keys(arrays)) {
    if (name.startsWith(prefix)) found[name.slice(prefix.length)] = arrays[name] as Arr;
  }
  return found;
};
