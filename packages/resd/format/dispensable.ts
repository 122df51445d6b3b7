/** Which playbook entries a prompt can do without, when there is no room for all. */
import { type Entry, Similarity } from "@resd/core";
import { Effect } from "effect";
import { standingOf } from "../playbook/concise.ts";

const STANDING = { harmful: 0, unused: 1, helpful: 2 } as const;

/**
 * The share of helpful tags that an entry's counts vouch for: the lower end of Wilson's interval, one standard deviation
 * wide. 0 without tags; 50 of 50 vouch for more than 1 of 1.
 */
const vouchedShare = ({ helpful, harmful }: Entry): number => {
  const n = helpful + harmful;
  if (n === 0) return 0;
  const share = helpful / n;
  return (
    (share + 1 / (2 * n) - Math.sqrt((share * (1 - share)) / n + 1 / (4 * n * n))) / (1 + 1 / n)
  );
};

/**
 * Entries from the most dispensable on: harmful, unused, helpful; among these those whose tags vouch for less first,
 * among equals the least recently tagged.
 */
export const leastUsefulFirst = (entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> =>
  entries.toSorted(
    (a, b) =>
      STANDING[standingOf(a)] - STANDING[standingOf(b)] ||
      vouchedShare(a) - vouchedShare(b) ||
      a.lastTaggedAt - b.lastTaggedAt,
  );

/** Smooths ranks against each other (Cormack and others 2009, reciprocal rank fusion). */
const SMOOTHING = 60;

/**
 * Entries from the most dispensable on, for a task: harmful ones first, then by usefulness and by relevance to the task
 * together. Both are ranks, so neither scale matters: an entry's score is 1/(60 + r) for its place r from the top, summed
 * over the two; equal relevance is an equal place. A measure that fails leaves usefulness alone, and the log says so.
 */
export const dispensableFirst = Effect.fnUntraced(function* (
  entries: ReadonlyArray<Entry>,
  task: string,
): Effect.fn.Return<ReadonlyArray<Entry>> {
  const useful = leastUsefulFirst(entries);
  const { relevance, name } = yield* Similarity;
  const measured = yield* relevance(
    task,
    useful.map(({ text }) => text),
  ).pipe(
    Effect.catch((error) =>
      Effect.as(
        Effect.logWarning(`Relevance by ${name} could not be measured: ${error.message}`),
        new Float64Array(useful.length),
      ),
    ),
  );
  const places = new Map(
    [...new Set(measured)].toSorted((a, b) => b - a).map((value, place) => [value, place]),
  );
  const scored = useful.map((entry, i) => ({
    entry,
    harmful: standingOf(entry) === "harmful",
    score:
      1 / (SMOOTHING + useful.length - 1 - i) +
      1 / (SMOOTHING + (places.get(measured[i] ?? 0) ?? 0)),
  }));
  return scored
    .toSorted((a, b) => Number(b.harmful) - Number(a.harmful) || a.score - b.score)
    .map(({ entry }) => entry);
});
