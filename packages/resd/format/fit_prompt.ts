/** Prompts that fit a context: whole playbook entries go first, the most dispensable ones before the others. */
import { type Entry, type Ids, type PolicyError, type PolicyShape, type Prompt } from "@resd/core";
import { Effect } from "effect";
import { dispensableFirst } from "./dispensable.ts";

/** A prompt as ids, and the entries that it kept, in playbook order. */
export interface FittedPrompt {
  readonly ids: Ids;
  readonly entries: ReadonlyArray<Entry>;
}

/**
 * Renders a prompt with as many playbook entries as `budget` tokens allow. Undefined when it is too long even without
 * any. Entries are dropped whole, in the order of {@linkcode dispensableFirst}; the search halves the range, so it
 * encodes a prompt about log₂(entries) times and only when the first does not fit.
 *
 * @param task what the prompt is about, to tell which entries matter.
 */
export const fitPrompt = Effect.fnUntraced(function* (
  encode: PolicyShape["encode"],
  budget: number,
  entries: ReadonlyArray<Entry>,
  render: (entries: ReadonlyArray<Entry>) => Prompt,
  task = "",
): Effect.fn.Return<FittedPrompt | undefined, PolicyError> {
  const attempt = Effect.fnUntraced(function* (
    gone: ReadonlySet<Entry>,
  ): Effect.fn.Return<FittedPrompt | undefined, PolicyError> {
    const kept = entries.filter((entry) => !gone.has(entry));
    const ids = yield* encode(render(kept));
    return ids.length <= budget ? { ids, entries: kept } : undefined;
  });

  const whole = yield* attempt(new Set());
  if (whole !== undefined || entries.length === 0) return whole;
  let best = yield* attempt(new Set(entries));
  if (best === undefined) return undefined;
  const order = yield* dispensableFirst(entries, task);
  let tooFew = 0;
  let enough = entries.length;
  while (enough - tooFew > 1) {
    const middle = (tooFew + enough) >> 1;
    const fitted = yield* attempt(new Set(order.slice(0, middle)));
    if (fitted === undefined) tooFew = middle;
    else {
      best = fitted;
      enough = middle;
    }
  }
  return best;
});
