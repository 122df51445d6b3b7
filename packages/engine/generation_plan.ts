/** Which requests are generated together, and how: decided from the request list alone. */
import type { GenerateRequest } from "@resd/core";
import { capacityBucket, lengthBucket } from "./buckets.ts";

/** Requests of one role and top-k that share a batch. */
export interface GenerationGroup {
  /** Positions in the request list, in the order in which they get a row. */
  readonly indices: ReadonlyArray<number>;
  /** Most rows at a time. */
  readonly rows: number;
}

export interface GenerationLimits {
  readonly maxRows: number;
  /** Bytes of all caches of a group. */
  readonly cacheBudget: number;
  /** Bytes of one row's caches at a capacity. */
  readonly rowBytes: (capacity: number) => number;
  readonly maxContext: number;
  /** Whether rows that have stopped are refilled: then a group may have more requests than rows. */
  readonly refills?: boolean;
}

/** New tokens a request may get: its own limit, or what its prompt leaves of the context. */
export const roomOf = ({ prompt, sampling }: GenerateRequest, maxContext: number): number =>
  Math.min(sampling.maxTokens, maxContext - prompt.length);

/** Orders prompts of one length, so that equal ones stand together and can share a prefill. */
const compareIds = (a: Int32Array, b: Int32Array): number => {
  const at = a.findIndex((id, i) => id !== b[i]);
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
};

/** The distinct prompts of a group, and which of them each row has. */
export const distinctPrompts = (
  prompts: ReadonlyArray<Int32Array>,
): { readonly distinct: ReadonlyArray<Int32Array>; readonly rows: ReadonlyArray<number> } => {
  const known = new Map<string, number>();
  const distinct: Array<Int32Array> = [];
  const rows = prompts.map((prompt) => {
    const key = prompt.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    known.set(key, distinct.length);
    return distinct.push(prompt) - 1;
  });
  return { distinct, rows };
};

/** Rows of a generation batch: 1, 2, 4, 8, 12, 16, 24, 32, 48, … */
export const generationRows = (rows: number): number => {
  if (rows <= 2) return Math.max(1, rows);
  const octave = 2 ** Math.ceil(Math.log2(rows));
  return octave > 8 && rows <= (octave * 3) / 4 ? (octave * 3) / 4 : octave;
};

/** The largest batch of at most so many rows that no row is padding of; at least one. */
const fullBatch = (rows: number): number => {
  let size = Math.max(1, rows);
  while (generationRows(size) > size) size--;
  return size;
};

/**
 * Groups in a fixed order: by role, top-k, then prompt. A group ends when the next prompt's bucket is over twice that of
 * the group's shortest; and, unless rows are refilled, when it has `maxRows` rows or its caches would exceed their budget.
 */
export const planGeneration = (
  requests: ReadonlyArray<GenerateRequest>,
  limits: GenerationLimits,
): ReadonlyArray<GenerationGroup> => {
  const order = requests
    .map((request, index) => ({ request, index }))
    .toSorted(
      (a, b) =>
        a.request.as.localeCompare(b.request.as) ||
        a.request.sampling.topK - b.request.sampling.topK ||
        a.request.prompt.length - b.request.prompt.length ||
        compareIds(a.request.prompt, b.request.prompt) ||
        a.index - b.index,
    );
  const groups: Array<{ readonly indices: Array<number>; rows: number }> = [];
  const { maxRows, cacheBudget, rowBytes, refills = false } = limits;
  let first: GenerateRequest | undefined;
  let longest = 0;
  for (const { request, index } of order) {
    const group = groups.at(-1);
    longest = Math.max(longest, request.prompt.length + roomOf(request, limits.maxContext));
    const joins =
      group !== undefined &&
      first !== undefined &&
      first.as === request.as &&
      first.sampling.topK === request.sampling.topK &&
      lengthBucket(request.prompt.length) <= 2 * lengthBucket(first.prompt.length) &&
      (refills ||
        (group.rows < maxRows &&
          (group.rows + 1) * rowBytes(capacityBucket(longest)) <= cacheBudget));
    if (!joins) {
      groups.push({ indices: [], rows: 0 });
      first = request;
      longest = request.prompt.length + roomOf(request, limits.maxContext);
    }
    const joined = groups.at(-1)!;
    joined.indices.push(index);
    const fitting = Math.floor(cacheBudget / rowBytes(capacityBucket(longest)));
    const most = refills ? fullBatch(Math.min(maxRows, fitting)) : maxRows;
    joined.rows = Math.min(joined.indices.length, most);
  }
  return groups;
};

/** Parameters from which packing the weights into a decode program can pay. */
const BAKED_PARAMETERS = 4_000_000;
/** Steps after which it has: packing and loading cost about five decode steps, and one program serves a part of them. */
const BAKED_STEPS = 24;

/**
 * Whether decode programs get the weights baked in. Matrices given as inputs are packed again at every step, which
 * costs 1.4 to 2.7 times the step for large matrices and nothing for small ones; baking them costs a rebuild per
 * weight version.
 */
export const bakesWeights = (parameters: number, steps: number): boolean =>
  parameters >= BAKED_PARAMETERS && steps >= BAKED_STEPS;

/** Rows that are refilled together: a quarter of the batch, so that prompts are read in few shapes. */
export const refillRows = (B: number): number => generationRows(Math.ceil(B / 4));

/** Whether a decode program with baked weights is rebuilt for a batch of `fewer` rows, with at most so many steps to go. */
export const worthRebuilding = (B: number, fewer: number, steps: number): boolean =>
  fewer <= B / 4 && steps >= BAKED_STEPS;
