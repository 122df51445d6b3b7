/** Credit to entries. */
import type { Change, Tag } from "@resd/core";
import { type PlaybookState, type Transition, transition } from "./state.ts";

/**
 * Applies the tags of one reflection: of several tags for one entry the last one counts. Helpful and harmful raise
 * their count by one and set `lastTaggedAt`; neutral does nothing; ids that are not in the playbook are ignored.
 */
export const applyTags = (state: PlaybookState, tags: ReadonlyArray<Tag>): Transition => {
  const last = new Map(tags.map((tag) => [tag.entry, tag]));
  const changes: Array<Change> = [];
  const entries = state.entries.map((entry) => {
    const tag = last.get(entry.id);
    if (tag === undefined || tag.sign === "neutral") return entry;
    changes.push({ _tag: "Tagged", tag });
    return { ...entry, [tag.sign]: entry[tag.sign] + 1, lastTaggedAt: state.updateCount };
  });
  return transition(state, { entries }, changes);
};
