/** Applying proposed operations. */
import type { Change, Entry, Operation } from "@resd/core";
import { placementOf, sectionRank } from "./sections.ts";
import { type PlaybookState, type Transition, transition } from "./state.ts";

/** Everything that a reader of lines may take for the end of one. */
export const LINE_BREAK = /\r\n|[\n\r\v\f\u0085\u2028\u2029]/;

/** A lesson as it is stored: on one line, without white space around it, in well-formed Unicode. */
export const lessonText = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll("\0", "")
    .split(LINE_BREAK)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ");

/** The id of the `number`-th entry, such as `calc-00007`. */
const entryId = (slug: string, number: number): string =>
  `${slug}-${String(number).padStart(5, "0")}`;

/**
 * Applies operations in order; each sees what those before it did.
 *
 * - `Add` takes the next id and goes to the end of its section (placementOf says where else).
 * - `Update` replaces the text and keeps the credit.
 * - `Merge` keeps the first entry named, with the new text, the counts of all and the latest time; the others leave.
 * - `Delete` removes.
 *
 * Ids that are not in the playbook are left out, and so is an operation of which nothing is left: a lesson without
 * words, an update to the same text.
 */
export const applyOperations = (
  state: PlaybookState,
  operations: ReadonlyArray<Operation>,
): Transition => {
  const entries = state.entries.slice();
  const changes: Array<Change> = [];
  const onTop = new Set<string>();
  let nextId = state.nextId;

  const indexOf = (id: string): number => entries.findIndex((entry) => entry.id === id);

  const remove = (id: string, reason: "deleted" | "merged"): void => {
    const at = indexOf(id);
    if (at === -1) return;
    const [entry] = entries.splice(at, 1);
    changes.push({ _tag: "Removed", entry: entry as Entry, reason });
  };

  const rewrite = (id: string, patch: Partial<Omit<Entry, "id">>): void => {
    const at = indexOf(id);
    if (at === -1) return;
    const before = entries[at] as Entry;
    const entry = { ...before, ...patch };
    entries[at] = entry;
    changes.push({ _tag: "Updated", entry, before: before.text });
  };

  const add = (sectionName: string, text: string): void => {
    const { section, slug, atTop } = placementOf(sectionName);
    const entry: Entry = {
      id: entryId(slug, nextId++),
      section,
      text,
      helpful: 0,
      harmful: 0,
      createdAt: state.updateCount,
      lastTaggedAt: state.updateCount,
    };
    const rank = sectionRank(section);
    const above = atTop
      ? entries.findLastIndex((other) => sectionRank(other.section) < rank || onTop.has(other.id))
      : entries.findLastIndex((other) => sectionRank(other.section) <= rank);
    if (atTop) onTop.add(entry.id);
    entries.splice(above + 1, 0, entry);
    changes.push({ _tag: "Added", entry });
  };

  for (const operation of operations) {
    switch (operation._tag) {
      case "Add": {
        const text = lessonText(operation.text);
        if (text !== "") add(operation.section, text);
        break;
      }
      case "Update": {
        const text = lessonText(operation.text);
        if (text !== "" && entries[indexOf(operation.entry)]?.text !== text) {
          rewrite(operation.entry, { text });
        }
        break;
      }
      case "Merge": {
        const text = lessonText(operation.text);
        const named = new Set(operation.entries);
        const merged = [...named].flatMap((id) => entries[indexOf(id)] ?? []);
        const [kept, ...others] = merged;
        if (text === "" || kept === undefined) break;
        if (others.length === 0 && kept.text === text) break;
        rewrite(kept.id, {
          text,
          helpful: merged.reduce((sum, entry) => sum + entry.helpful, 0),
          harmful: merged.reduce((sum, entry) => sum + entry.harmful, 0),
          lastTaggedAt: Math.max(...merged.map((entry) => entry.lastTaggedAt)),
        });
        for (const { id } of others) remove(id, "merged");
        break;
      }
      case "Delete":
        remove(operation.entry, "deleted");
    }
  }
  return transition(state, { entries, nextId }, changes);
};
