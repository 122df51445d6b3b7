/** Credit to entries. */
import type { Change, Entry, Tag } from "@resd/core";
import { type PlaybookState, type Transition, transition } from "./state.ts";

/**
 * Applies the tags of one reflection: of several tags for one entry the last one counts. Helpful and harmful raise
 * their count by one and set `lastTaggedAt`; neutral does nothing; ids that are not in the playbook are ignored.
 */
export const applyTags = (state: PlaybookState, tags: ReadonlyArray<Tag>): Transition => {
  const last = new Map(tags.map((tag, operation) => [tag.entry, { tag, operation }]));
  const changes: Array<Change> = [];
  let entries: Array<Entry> | undefined;
  for (let at = 0; at < state.entries.length && last.size > 0; at++) {
    const entry = state.entries[at] as Entry;
    const found = last.get(entry.id);
    if (found === undefined) continue;
    last.delete(entry.id);
    const { tag, operation } = found;
    if (tag.sign === "neutral") continue;
    entries ??= state.entries.slice();
    entries[at] = {
      ...entry,
      [tag.sign]: entry[tag.sign] + 1,
      lastTaggedAt: state.updateCount,
    };
    changes.push({ _tag: "Tagged", tag, operation });
  }
  return transition(state, entries === undefined ? {} : { entries }, changes);
};
