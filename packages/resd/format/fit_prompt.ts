/** Prompts that fit a context: whole playbook entries go first, the least useful ones before the others. */
import { type Entry, type Ids, type PolicyError, type PolicyShape, type Prompt } from "@resd/core";
import { Effect } from "effect";
import { standingOf } from "../playbook/concise.ts";

/** A prompt as ids, and the entries that it kept, in playbook order. */
export interface FittedPrompt {
  readonly ids: Ids;
  readonly entries: ReadonlyArray<Entry>;
}

const STANDING = { harmful: 0, unused: 1, helpful: 2 } as const;

/** Entries from the most dispensable on: harmful, unused, helpful; among equals the least recently tagged first. */
export const leastUsefulFirst = (entries: ReadonlyArray<Entry>): ReadonlyArray<Entry> =>
  entries.toSorted(
    (a, b) => STANDING[standingOf(a)] - STANDING[standingOf(b)] || a.lastTaggedAt - b.lastTaggedAt,
  );

/**
 * Renders a prompt with as many playbook entries as `budget` tokens allow. Undefined when it is too long even without
 * any. Entries are dropped whole, in the order of {@linkcode leastUsefulFirst}; the search halves the range, so it
 * encodes a prompt about log₂(entries) times and only when the first does not fit.
 */
export const fitPrompt = Effect.fnUntraced(function* (
  encode: PolicyShape["encode"],
  budget: number,
  entries: ReadonlyArray<Entry>,
  render: (entries: ReadonlyArray<Entry>) => Prompt,
): Effect.fn.Return<FittedPrompt | undefined, PolicyError> {
  const order = leastUsefulFirst(entries);
  const attempt = Effect.fnUntraced(function* (
    dropped: number,
  ): Effect.fn.Return<FittedPrompt | undefined, PolicyError> {
    const gone = new Set(order.slice(0, dropped));
    const kept = entries.filter((entry) => !gone.has(entry));
    const ids = yield* encode(render(kept));
    return ids.length <= budget ? { ids, entries: kept } : undefined;
  });

  const whole = yield* attempt(0);
  if (whole !== undefined || entries.length === 0) return whole;
  let best = yield* attempt(entries.length);
  if (best === undefined) return undefined;
  let tooFew = 0;
  let enough = entries.length;
  while (enough - tooFew > 1) {
    const middle = (tooFew + enough) >> 1;
    const fitted = yield* attempt(middle);
    if (fitted === undefined) tooFew = middle;
    else {
      best = fitted;
      enough = middle;
    }
  }
  return best;
});
