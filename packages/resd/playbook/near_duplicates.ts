/** Lessons that say the same, and the operations that make one of them. */
import { type Entry, type Operation, Similarity, type SimilarityError } from "@resd/core";
import { Effect, Schema } from "effect";
import { entryNumber } from "./operations.ts";

/** When two lessons are one: off unless a run says so. */
export const NearDuplicates = Schema.Struct({
  /**
   * Entries at least this alike are merged. Shingles of letters put rewordings above 0.55 and different lessons below 0.4;
   * embeddings, whose numbers are higher, need about 0.9.
   */
  threshold: Schema.Finite.check(Schema.isBetween({ minimum: 0.05, maximum: 1 })),
});
export type NearDuplicates = typeof NearDuplicates.Type;

/** Queries compared at a time: 20,000 entries need 40 MB for it. */
const ROWS = 256;

/** Older entries have lower numbers. */
const byAge = (a: Entry, b: Entry): number =>
  (entryNumber(a.id) ?? Infinity) - (entryNumber(b.id) ?? Infinity);

/**
 * Groups of near-duplicates, each with its oldest entry first: going by age, an entry takes in every younger one that is
 * alike and not yet taken. Only pairs with an entry of `fresh` are compared.
 */
export const nearDuplicates = Effect.fn("resd.nearDuplicates")(function* (
  entries: ReadonlyArray<Entry>,
  { threshold }: NearDuplicates,
  fresh: ReadonlySet<string> = new Set(entries.map(({ id }) => id)),
): Effect.fn.Return<ReadonlyArray<ReadonlyArray<Entry>>, SimilarityError> {
  const similarity = yield* Similarity;
  const aged = entries.toSorted(byAge);
  const texts = aged.map(({ text }) => text);
  const places = aged.flatMap(({ id }, place) => (fresh.has(id) ? [place] : []));
  const younger = new Map<number, Array<number>>();
  for (let from = 0; from < places.length; from += ROWS) {
    const some = places.slice(from, from + ROWS);
    const rows = yield* similarity.alike(
      some.map((place) => texts[place] as string),
      texts,
    );
    for (const [i, place] of some.entries()) {
      for (const [other, value] of rows[i]?.entries() ?? []) {
        if (other === place || value < threshold) continue;
        const first = Math.min(other, place);
        const found = younger.get(first) ?? [];
        found.push(Math.max(other, place));
        younger.set(first, found);
      }
    }
  }
  const taken = new Set<number>();
  return aged.flatMap((entry, place) => {
    if (taken.has(place)) return [];
    const group = new Set(younger.get(place)?.filter((other) => !taken.has(other)));
    for (const other of group) taken.add(other);
    if (group.size === 0) return [];
    return [[entry, ...[...group].toSorted((a, b) => a - b).map((other) => aged[other] as Entry)]];
  });
});

/** The operations that merge groups: the oldest entry keeps its id and its words, and gets the credit of all. */
export const mergeOperations = (
  groups: ReadonlyArray<ReadonlyArray<Entry>>,
): ReadonlyArray<Operation> =>
  groups.flatMap((group): ReadonlyArray<Operation> => {
    const text = group[0]?.text;
    return text === undefined ? [] : [{ _tag: "Merge", entries: group.map(({ id }) => id), text }];
  });
