/** What a history tells: the entries at a moment, and who credited one of them. */
import type { Cause, Entry, HistoryLine, Tag } from "@resd/core";
import { entryNumber } from "./operations.ts";
import { sectionRank } from "./sections.ts";

/** A playbook as its history leaves it. */
export interface Replayed {
  readonly updateCount: number;
  /** By section, and by age within it. */
  readonly entries: ReadonlyArray<Entry>;
}

/** Plays a history from its beginning. */
export const replayHistory = (lines: Iterable<HistoryLine>): Replayed => {
  const entries = new Map<string, Entry>();
  let updateCount = 0;
  for (const { change } of lines) {
    switch (change._tag) {
      case "Added":
      case "Updated":
        entries.set(change.entry.id, change.entry);
        break;
      case "Removed":
        entries.delete(change.entry.id);
        break;
      case "Advanced":
        updateCount = change.updateCount;
        break;
      case "Tagged": {
        const { entry: id, sign } = change.tag;
        const entry = entries.get(id);
        if (entry === undefined || sign === "neutral") break;
        entries.set(id, { ...entry, [sign]: entry[sign] + 1, lastTaggedAt: updateCount });
      }
    }
  }
  return {
    updateCount,
    entries: [...entries.values()].toSorted(
      (a, b) =>
        sectionRank(a.section) - sectionRank(b.section) ||
        (entryNumber(a.id) ?? 0) - (entryNumber(b.id) ?? 0),
    ),
  };
};

/** One tag that an entry got, or an entry that was merged into it later. */
export interface Credit {
  readonly entry: string;
  readonly sign: Tag["sign"];
  readonly cause: Cause;
  readonly version?: number;
}

/** Every tag that counts for an entry, oldest first, those of entries that were merged into it included. */
export const creditOf = (lines: ReadonlyArray<HistoryLine>, id: string): ReadonlyArray<Credit> => {
  // Backwards: what was merged into an entry counts for it before the merge.
  const counts = new Set([id]);
  const credit: Array<Credit> = [];
  for (let at = lines.length - 1; at >= 0; at--) {
    const { change, cause, version } = lines[at] as HistoryLine;
    if (change._tag === "Removed" && change.reason === "merged") {
      // The entry that was kept is rewritten in the same operation of the same call.
      const kept = lines
        .slice(0, at)
        .findLast(
          (line) =>
            line.change._tag === "Updated" &&
            line.version === version &&
            line.change.operation === change.operation,
        )?.change;
      if (kept?._tag === "Updated" && counts.has(kept.entry.id)) counts.add(change.entry.id);
    } else if (change._tag === "Tagged" && counts.has(change.tag.entry)) {
      const { entry, sign } = change.tag;
      credit.push({ entry, sign, cause, ...(version === undefined ? {} : { version }) });
    }
  }
  return credit.toReversed();
};
