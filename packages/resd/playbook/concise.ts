/** Keeping a playbook short. */
import { ConciseRule, type Entry, type Removal, type View, makeRandom } from "@resd/core";
import { Schema } from "effect";
import { type PlaybookState, type Transition, transition } from "./state.ts";

/**
 * When a concise pass is due and what it does. Without `every` and `cap` it never is.
 *
 * The reference run of this project uses staleness with window 40, every 4 updates, cap 20.
 */
export const ConciseSchedule = Schema.Struct({
  ...ConciseRule.fields,
  /** Due at every multiple of this many updates, though never before the first. */
  every: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
});
export type ConciseSchedule = typeof ConciseSchedule.Type;

/**
 * The rule of the pass that is due on a playbook, if one is. The cap only takes part when the playbook has outgrown it:
 * a pass that the calendar alone demands drops entries but does not count the rest.
 */
export const conciseDue = (
  { method, window, every, cap }: ConciseSchedule,
  view: View,
): ConciseRule | undefined => {
  const outgrown = cap !== undefined && view.entries.length > cap;
  const onTime = every !== undefined && view.updateCount > 0 && view.updateCount % every === 0;
  if (!outgrown && !onTime) return undefined;
  return outgrown ? { method, window, cap } : { method, window };
};

/** What the tags say of an entry; as many harmful as helpful ones count against it. */
export const standingOf = ({ helpful, harmful }: Entry): "unused" | "harmful" | "helpful" =>
  helpful + harmful === 0 ? "unused" : harmful >= helpful ? "harmful" : "helpful";

type Reason = Removal["reason"];

/** Why the tags and the age of an entry condemn it, whatever the size of the playbook. */
const reasonToDrop = (
  entry: Entry,
  { method, window }: ConciseRule,
  updateCount: number,
): Reason | undefined => {
  if (method === "reset") return "reset";
  const standing = standingOf(entry);
  if (standing === "helpful") return undefined;
  if (standing === "harmful") return "harmful";
  if (method === "prioritized") return "unused";
  return updateCount - entry.lastTaggedAt > window ? "stale" : undefined;
};

/** The entries beyond the cap: a uniform choice for `prioritized`, the least recently tagged for `staleness`. */
const beyondCap = (
  survivors: ReadonlyArray<Entry>,
  { method, cap }: ConciseRule,
  seed: number,
): ReadonlyArray<Entry> => {
  const excess = cap === undefined ? 0 : survivors.length - cap;
  if (excess <= 0) return [];
  const shuffled = makeRandom(seed, "concise").shuffle(survivors);
  if (method === "staleness") shuffled.sort((a, b) => a.lastTaggedAt - b.lastTaggedAt);
  return shuffled.slice(0, excess);
};

/** A pass's result: the transition, and why each entry left, in playbook order. */
export interface Concise extends Transition {
  readonly removals: ReadonlyArray<Removal>;
}

/**
 * One concise pass.
 *
 * - `reset` drops everything.
 * - `prioritized` drops unused and harmful entries and, beyond the cap, a uniform choice of the helpful ones.
 * - `staleness` drops harmful entries and those unused for more than `window` updates and, beyond the cap, the least
 *   recently tagged; equal times are told apart by a shuffle of `seed`. How helpful an entry was plays no role.
 *
 * Ids go on counting. A fresh entry of update u can be stale at u + window + 1 at the earliest.
 */
export const concise = (state: PlaybookState, rule: ConciseRule, seed: number): Concise => {
  const reasons = new Map<string, Reason>();
  for (const entry of state.entries) {
    const reason = reasonToDrop(entry, rule, state.updateCount);
    if (reason !== undefined) reasons.set(entry.id, reason);
  }
  const survivors = state.entries.filter((entry) => !reasons.has(entry.id));
  for (const entry of beyondCap(survivors, rule, seed)) reasons.set(entry.id, "cap");

  const removals = state.entries.flatMap((entry): ReadonlyArray<Removal> => {
    const reason = reasons.get(entry.id);
    return reason === undefined ? [] : [{ entry, reason }];
  });
  return {
    ...transition(
      state,
      { entries: state.entries.filter((entry) => !reasons.has(entry.id)) },
      removals.map((removal) => ({ _tag: "Removed", ...removal })),
    ),
    removals,
  };
};
