/** Frozen copies of the playbooks for the student's own prompts (off in the paper's runs). */
import type { Entry, View } from "@resd/core";

/** The lessons that student prompts carry. */
export interface StudentPlaybook {
  /** Entries for the prompts of the current batch; none before the first copy was taken. */
  readonly entries: (key: string) => ReadonlyArray<Entry>;
  /** A batch begins: from now on its prompts carry the newest copies, through all its inner updates. */
  readonly startBatch: () => void;
  /** A context update is over. The counter of the first playbook decides for all whether copies are taken. */
  readonly refresh: (views: ReadonlyMap<string, View>) => void;
  /** All copies, for a checkpoint: the newest, and those that the present batch carries. */
  readonly copies: () => PlaybookCopies;
}

/** Lessons by playbook. */
type Lessons = Readonly<Record<string, ReadonlyArray<Entry>>>;

/** What `makeStudentPlaybook` goes on from. */
export interface PlaybookCopies {
  readonly copies: Lessons;
  readonly shown: Lessons;
}

/** @param every playbook updates between copies; undefined: never, so prompts stay bare. */
export const makeStudentPlaybook = (
  every: number | undefined,
  from: PlaybookCopies = { copies: {}, shown: {} },
): StudentPlaybook => {
  const copies = new Map(Object.entries(from.copies));
  let shown: ReadonlyMap<string, ReadonlyArray<Entry>> = new Map(Object.entries(from.shown));
  return {
    entries: (key) => shown.get(key) ?? [],
    startBatch: () => {
      shown = new Map(copies);
    },
    refresh: (views) => {
      const count = views.values().next().value?.updateCount ?? 0;
      if (every === undefined || count === 0 || count % every !== 0) return;
      for (const [key, view] of views) copies.set(key, view.entries);
    },
    copies: () => ({ copies: Object.fromEntries(copies), shown: Object.fromEntries(shown) }),
  };
};
