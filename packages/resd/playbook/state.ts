/** The state of one playbook, which every store persists and only the pure functions of this folder change. */
import { type Change, Entry, type View } from "@resd/core";
import { Schema } from "effect";

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));

/** Entries in playbook order and the counters that belong to them. */
export const PlaybookState = Schema.Struct({
  entries: Schema.Array(Entry),
  /** Number of the next entry: rises with every addition and is never reset, so no id is used twice. */
  nextId: Schema.Int.check(Schema.isGreaterThan(0)),
  updateCount: Count,
  version: Count,
});
export type PlaybookState = typeof PlaybookState.Type;

/** A playbook before its first entry. */
export const emptyState: PlaybookState = { entries: [], nextId: 1, updateCount: 0, version: 0 };

/** A state with the changes that led to it, in order. Without changes the state is the one before. */
export interface Transition {
  readonly state: PlaybookState;
  readonly changes: ReadonlyArray<Change>;
}

/** Ends a transition: the version rises by one exactly if something changed. */
export const transition = (
  before: PlaybookState,
  after: Partial<Omit<PlaybookState, "version">>,
  changes: ReadonlyArray<Change>,
): Transition =>
  changes.length === 0
    ? { state: before, changes }
    : { state: { ...before, ...after, version: before.version + 1 }, changes };

/** What readers of a playbook see of its state. */
export const viewOf = ({ version, updateCount, entries }: PlaybookState): View => ({
  version,
  updateCount,
  entries,
});

/** One more update is over. */
export const advance = (state: PlaybookState): Transition => {
  const updateCount = state.updateCount + 1;
  return transition(state, { updateCount }, [{ _tag: "Advanced", updateCount }]);
};
