/** What changed from one playbook to another. */
import type { Entry, Operation } from "@resd/core";
import { Result } from "effect";
import { lessonText } from "./operations.ts";
import type { ParsedEntry } from "./render.ts";

/** An entry in both, with something else about it. */
export interface ChangedEntry {
  readonly before: Entry;
  readonly after: Entry;
}

/** A difference; entries in the order of the playbook that they are from. */
export interface PlaybookDifference {
  readonly added: ReadonlyArray<Entry>;
  readonly removed: ReadonlyArray<Entry>;
  /** Other words, or another section. */
  readonly rewritten: ReadonlyArray<ChangedEntry>;
  /** The same words with other counts. */
  readonly credited: ReadonlyArray<ChangedEntry>;
  readonly same: number;
}

/**
 * @param by how entries are known again: by `id` within one playbook, by `text` between playbooks that have nothing to do
 *   with each other.
 */
export const playbookDifference = (
  before: ReadonlyArray<Entry>,
  after: ReadonlyArray<Entry>,
  by: "id" | "text" = "id",
): PlaybookDifference => {
  // Words may stand there more than once: each entry has at the most one partner.
  const waiting = Map.groupBy(before, (entry) => entry[by]);
  const added: Array<Entry> = [];
  const pairs = after.flatMap((entry): ReadonlyArray<ChangedEntry> => {
    const found = waiting.get(entry[by])?.shift();
    if (found !== undefined) return [{ before: found, after: entry }];
    added.push(entry);
    return [];
  });
  const left = new Set([...waiting.values()].flat());
  const isRewritten = (pair: ChangedEntry): boolean =>
    pair.before.text !== pair.after.text || pair.before.section !== pair.after.section;
  const isCredited = (pair: ChangedEntry): boolean =>
    pair.before.helpful !== pair.after.helpful || pair.before.harmful !== pair.after.harmful;
  const rewritten = pairs.filter(isRewritten);
  const credited = pairs.filter((pair) => !isRewritten(pair) && isCredited(pair));
  return {
    added,
    removed: before.filter((entry) => left.has(entry)),
    rewritten,
    credited,
    same: pairs.length - rewritten.length - credited.length,
  };
};

/**
 * The operations that make of a playbook what a person has written: lines of known ids are updates where their words
 * differ, lines that are gone are deletions, all others additions. Counts and sections of known entries are history, and
 * are refused where they were changed.
 */
export const editOperations = (
  entries: ReadonlyArray<Entry>,
  edited: ReadonlyArray<ParsedEntry>,
): Result.Result<ReadonlyArray<Operation>, string> => {
  const known = new Map(entries.map((entry) => [entry.id, entry]));
  const kept = new Set(edited.map(({ id }) => id));
  const operations: Array<Operation> = entries.flatMap(({ id }): ReadonlyArray<Operation> =>
    kept.has(id) ? [] : [{ _tag: "Delete", entry: id }],
  );
  for (const { id, section, text, helpful, harmful } of edited) {
    const entry = known.get(id);
    if (entry === undefined) {
      operations.push(
        helpful + harmful === 0
          ? { _tag: "Add", section, text }
          : { _tag: "Import", entries: [{ id, section, text, helpful, harmful }] },
      );
      continue;
    }
    if (entry.helpful !== helpful || entry.harmful !== harmful || entry.section !== section) {
      return Result.fail(
        `Expected counts and section of ${id} as they are (helpful=${entry.helpful} harmful=${entry.harmful}, ${entry.section}), got helpful=${helpful} harmful=${harmful}, ${section}; take the entry out and add it under a new id`,
      );
    }
    if (lessonText(text) !== entry.text) operations.push({ _tag: "Update", entry: id, text });
  }
  return Result.succeed(operations);
};
