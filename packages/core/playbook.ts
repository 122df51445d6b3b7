/** The playbook seam: a persistent store of lessons, with the reason for every change. */
import { Context, type Effect, Schema, type Stream } from "effect";

/** Who changed the playbook, when, and because of which attempt. */
export const Cause = Schema.Struct({
  update: Schema.Int,
  /** `duplicates` merges entries that say the same; a `person` edits or imports. */
  by: Schema.Literals(["reflector", "curator", "concise", "duplicates", "person"]),
  attempt: Schema.optionalKey(Schema.String),
  /** The reflection that was followed, as `reflectionId` names it. */
  reflection: Schema.optionalKey(Schema.String),
});
export type Cause = typeof Cause.Type;

/** Where the wording of an entry comes from: one operation of one call, and what it followed. */
export const Origin = Schema.Struct({
  /** The id of the entry then: of a merged entry that has left, its own. */
  entry: Schema.String,
  made: Schema.Literals(["added", "updated", "merged", "imported"]),
  ...Cause.fields,
  /** Version of the playbook that the call led to. */
  version: Schema.Int,
  /** Place of the operation in its call, from 0. */
  operation: Schema.Int,
});
export type Origin = typeof Origin.Type;

/** One lesson with its credit. Counts and times are in units of tags and of playbook updates. */
export const Entry = Schema.Struct({
  /** `slug-00001`: never reused within a playbook. */
  id: Schema.NonEmptyString,
  section: Schema.String,
  text: Schema.String,
  helpful: Schema.Int,
  harmful: Schema.Int,
  /** `updateCount` when it was added. */
  createdAt: Schema.Int,
  /** `updateCount` at the last helpful or harmful tag; `createdAt` before any. */
  lastTaggedAt: Schema.Int,
  /**
   * What made it, oldest first, entries that were merged into it included. Stores always give it; what credited it is in
   * the history. Absent in playbooks of versions that did not write it down.
   */
  origins: Schema.optionalKey(Schema.Array(Origin)),
});
export type Entry = typeof Entry.Type;

/** A consistent reading of one playbook, entries in playbook order. */
export const View = Schema.Struct({
  /** Rises with every change. */
  version: Schema.Int,
  /** How many updates this playbook has been through. */
  updateCount: Schema.Int,
  entries: Schema.Array(Entry),
});
export type View = typeof View.Type;

/** A playbook that nothing has been written to. */
export const emptyView: View = { version: 0, updateCount: 0, entries: [] };

/** Credit to an entry, by id. */
export const Tag = Schema.Struct({
  entry: Schema.String,
  sign: Schema.Literals(["helpful", "harmful", "neutral"]),
});
export type Tag = typeof Tag.Type;

/** An entry from elsewhere, with the credit that it has earned there. */
export const ImportedEntry = Schema.Struct({
  /** Kept if it was never given here; else the entry gets the next free one. */
  id: Schema.String,
  section: Schema.String,
  text: Schema.String,
  helpful: Schema.Int,
  harmful: Schema.Int,
  origins: Schema.optionalKey(Schema.Array(Origin)),
});
export type ImportedEntry = typeof ImportedEntry.Type;

/**
 * A proposed change. `Add` is the only one that the paper's curator makes; stores support all. Curators never import:
 * people do.
 */
export const Operation = Schema.TaggedUnion({
  Add: { section: Schema.String, text: Schema.String },
  Update: { entry: Schema.String, text: Schema.String },
  Merge: { entries: Schema.Array(Schema.String), text: Schema.String },
  Delete: { entry: Schema.String },
  Import: { entries: Schema.Array(ImportedEntry) },
});
export type Operation = typeof Operation.Type;

/** How a playbook is kept short. */
export const ConciseRule = Schema.Struct({
  method: Schema.Literals(["reset", "prioritized", "staleness"]),
  /** Largest number of entries that survives; absent: no bound in this pass. */
  cap: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
  /** `staleness`: unused entries older than this many updates are dropped. */
  window: Schema.Int,
});
export type ConciseRule = typeof ConciseRule.Type;

/** Why an entry left. */
export const Removal = Schema.Struct({
  entry: Entry,
  reason: Schema.Literals(["reset", "harmful", "unused", "stale", "cap", "deleted", "merged"]),
});
export type Removal = typeof Removal.Type;

/** Place of the operation, or of the tag, in its call, from 0; absent where a rule changed something, or nobody. */
const operation = Schema.optionalKey(Schema.Int);

/** One line of a playbook's history. */
export const Change = Schema.TaggedUnion({
  Added: { entry: Entry, operation },
  Updated: { entry: Entry, before: Schema.String, operation },
  Removed: { entry: Entry, reason: Removal.fields.reason, operation },
  Tagged: { tag: Tag, operation },
  Advanced: { updateCount: Schema.Int },
});
export type Change = typeof Change.Type;

/** A change of one playbook, with who made it and why. */
export const HistoryLine = Schema.Struct({
  key: Schema.String,
  cause: Cause,
  change: Change,
  /** Version of the playbook that the call led to; with `operation` it names the change. Absent in old run folders. */
  version: Schema.optionalKey(Schema.Int),
});
export type HistoryLine = typeof HistoryLine.Type;

/** A store that cannot be read or written, or a snapshot that is not one; `key` is the playbook's. */
export class PlaybookError extends Schema.TaggedError<PlaybookError>()("PlaybookError", {
  message: Schema.String,
  key: Schema.String,
}) {}

/** Stores of lessons. `key` is `"global"`, or a task key when each task has its own playbook. */
export interface PlaybookShape {
  readonly view: (key: string) => Effect.Effect<View, PlaybookError>;
  /** Applies operations in order; unknown ids are left out. Whether duplicates are wanted is the loop's decision. */
  readonly apply: (
    key: string,
    operations: ReadonlyArray<Operation>,
    cause: Cause,
  ) => Effect.Effect<View, PlaybookError>;
  /** Adds credit; the last tag for an id in one call wins; unknown ids are ignored. */
  readonly tag: (
    key: string,
    tags: ReadonlyArray<Tag>,
    cause: Cause,
  ) => Effect.Effect<void, PlaybookError>;
  /** One concise pass; the seed breaks ties. The removals are also in the history. */
  readonly concise: (
    key: string,
    rule: ConciseRule,
    seed: number,
    cause: Cause,
  ) => Effect.Effect<ReadonlyArray<Removal>, PlaybookError>;
  /** `updateCount` + 1. */
  readonly advance: (key: string, cause: Cause) => Effect.Effect<void, PlaybookError>;
  /** Every change, oldest first, without the first `after` lines. */
  readonly history: (key: string, after?: number) => Stream.Stream<HistoryLine, PlaybookError>;
  readonly keys: Effect.Effect<ReadonlyArray<string>, PlaybookError>;
  /** All playbooks, with counters, as bytes that `restore` reads; history is not part of it. */
  readonly snapshot: Effect.Effect<Uint8Array, PlaybookError>;
  readonly restore: (snapshot: Uint8Array) => Effect.Effect<void, PlaybookError>;
}

/** The playbooks of a run. */
export class Playbook extends Context.Service<Playbook, PlaybookShape>()("@resd/core/Playbook") {}
