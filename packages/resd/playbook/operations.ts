/** Applying proposed operations. */
import type { Cause, Change, Entry, ImportedEntry, Operation, Origin } from "@resd/core";
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

/** The number of an id that entries may have, such as 7 of `calc-00007`. */
export const entryNumber = (id: string): number | undefined => {
  const [, digits] = /^[^\]\s]{1,40}-(\d{5,12})$/.exec(id) ?? [];
  return digits === undefined ? undefined : Number(digits);
};

/** An entry whose origins may not have been written down. */
export const originsOf = (entry: Entry): ReadonlyArray<Origin> => entry.origins ?? [];

/** Who applies operations when nobody says it: a person, before the first update. */
export const BY_HAND: Cause = { update: 0, by: "person" };

/** Entries in playbook order while operations are applied to them. */
class Draft {
  readonly entries: Array<Entry>;
  readonly changes: Array<Change> = [];
  nextId: number;
  readonly #state: PlaybookState;
  readonly #cause: Cause;
  readonly #onTop = new Set<string>();

  constructor(state: PlaybookState, cause: Cause) {
    this.#state = state;
    this.#cause = cause;
    this.entries = state.entries.slice();
    this.nextId = state.nextId;
  }

  find(id: string): Entry | undefined {
    return this.entries[this.#indexOf(id)];
  }

  #indexOf(id: string): number {
    return this.entries.findIndex((entry) => entry.id === id);
  }

  #origin(entry: string, made: Origin["made"], operation: number): Origin {
    return { entry, made, ...this.#cause, version: this.#state.version + 1, operation };
  }

  remove(id: string, reason: "deleted" | "merged", operation: number): void {
    const at = this.#indexOf(id);
    if (at === -1) return;
    const [entry] = this.entries.splice(at, 1);
    this.changes.push({ _tag: "Removed", entry: entry as Entry, reason, operation });
  }

  rewrite(
    id: string,
    patch: Partial<Omit<Entry, "id" | "origins">>,
    made: "updated" | "merged",
    operation: number,
    others: ReadonlyArray<Entry> = [],
  ): void {
    const at = this.#indexOf(id);
    if (at === -1) return;
    const before = this.entries[at] as Entry;
    const origins = [...[before, ...others].flatMap(originsOf), this.#origin(id, made, operation)];
    const entry = { ...before, ...patch, origins };
    this.entries[at] = entry;
    this.changes.push({ _tag: "Updated", entry, before: before.text, operation });
  }

  add(
    section: string,
    text: string,
    operation: number,
    imported?: { readonly id: string | undefined; readonly of: ImportedEntry },
  ): void {
    const place = placementOf(section);
    const id = imported?.id ?? entryId(place.slug, this.nextId);
    if (imported?.id === undefined) this.nextId++;
    const now = this.#state.updateCount;
    const entry: Entry = {
      id,
      section: place.section,
      text,
      helpful: imported?.of.helpful ?? 0,
      harmful: imported?.of.harmful ?? 0,
      createdAt: now,
      lastTaggedAt: now,
      origins: [
        ...(imported?.of.origins ?? []),
        this.#origin(id, imported === undefined ? "added" : "imported", operation),
      ],
    };
    this.#insert(entry, place.atTop && imported === undefined);
    this.changes.push({ _tag: "Added", entry, operation });
  }

  #insert(entry: Entry, atTop: boolean): void {
    const rank = sectionRank(entry.section);
    const above = atTop
      ? this.entries.findLastIndex(
          (other) => sectionRank(other.section) < rank || this.#onTop.has(other.id),
        )
      : this.entries.findLastIndex((other) => sectionRank(other.section) <= rank);
    if (atTop) this.#onTop.add(entry.id);
    this.entries.splice(above + 1, 0, entry);
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Takes over entries with their credit. An id whose number was given here before would be used twice, so it is not kept. */
const importEntries = (
  draft: Draft,
  entries: ReadonlyArray<ImportedEntry>,
  operation: number,
): void => {
  const floor = draft.nextId;
  const taken = new Set<number>();
  const keeps = (id: string): boolean => {
    const number = entryNumber(id);
    if (number === undefined || number < floor || taken.has(number)) return false;
    taken.add(number);
    return true;
  };
  const usable = entries.flatMap(({ text, ...of }) => {
    const lesson = lessonText(text);
    return lesson !== "" && isCount(of.helpful) && isCount(of.harmful)
      ? [{ ...of, text: lesson, kept: keeps(of.id) ? of.id : undefined }]
      : [];
  });
  // New ids lie above all that are kept.
  draft.nextId = [...taken].reduce((next, number) => Math.max(next, number + 1), floor);
  for (const { kept, ...of } of usable) draft.add(of.section, of.text, operation, { id: kept, of });
};

/**
 * Applies operations in order; each sees what those before it did.
 *
 * - `Add` takes the next id and goes to the end of its section (placementOf says where else).
 * - `Update` replaces the text and keeps the credit.
 * - `Merge` keeps the first entry named, with the new text, the counts and origins of all and the latest time; the others
 *   leave.
 * - `Delete` removes.
 * - `Import` adds entries with their credit, under their own ids where these are free.
 *
 * Ids that are not in the playbook are left out, and so is an operation of which nothing is left: a lesson without
 * words, an update to the same text.
 */
export const applyOperations = (
  state: PlaybookState,
  operations: ReadonlyArray<Operation>,
  cause: Cause = BY_HAND,
): Transition => {
  const draft = new Draft(state, cause);
  for (const [i, operation] of operations.entries()) {
    switch (operation._tag) {
      case "Add": {
        const text = lessonText(operation.text);
        if (text !== "") draft.add(operation.section, text, i);
        break;
      }
      case "Update": {
        const text = lessonText(operation.text);
        if (text !== "" && draft.find(operation.entry)?.text !== text) {
          draft.rewrite(operation.entry, { text }, "updated", i);
        }
        break;
      }
      case "Merge": {
        const text = lessonText(operation.text);
        const merged = [...new Set(operation.entries)].flatMap((id) => draft.find(id) ?? []);
        const [kept, ...others] = merged;
        if (text === "" || kept === undefined) break;
        if (others.length === 0 && kept.text === text) break;
        const patch = {
          text,
          helpful: merged.reduce((sum, entry) => sum + entry.helpful, 0),
          harmful: merged.reduce((sum, entry) => sum + entry.harmful, 0),
          lastTaggedAt: Math.max(...merged.map((entry) => entry.lastTaggedAt)),
        };
        draft.rewrite(kept.id, patch, "merged", i, others);
        for (const { id } of others) draft.remove(id, "merged", i);
        break;
      }
      case "Delete":
        draft.remove(operation.entry, "deleted", i);
        break;
      case "Import":
        importEntries(draft, operation.entries, i);
    }
  }
  const { entries, nextId, changes } = draft;
  return transition(state, { entries, nextId }, changes);
};
