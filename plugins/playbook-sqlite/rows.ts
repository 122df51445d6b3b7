/** Rows of the tables, and what they say. */
import { Cause, Change, Entry, type HistoryLine, Origin } from "@resd/core";
import { PlaybookState, sectionRank } from "@resd/resd";
import { Schema, Struct } from "effect";

export const PlaybookRow = Schema.Struct({
  key: Schema.String,
  revision: Schema.Int,
  ...Struct.omit(PlaybookState.fields, ["entries"]),
});

const EntryRow = Schema.Struct({
  key: Schema.String,
  position: Schema.Int,
  ...Struct.omit(Entry.fields, ["origins"]),
  origins: Schema.NullOr(Schema.fromJsonString(Schema.Array(Origin))),
});
export const EntryRows = Schema.Array(EntryRow);

/** The entry that a row holds. */
export const entryOfRow = ({
  key: _key,
  position: _position,
  origins,
  ...entry
}: typeof EntryRow.Type): Entry => (origins === null ? entry : { ...entry, origins });

/** The row that holds an entry. */
export const rowOfEntry = (key: string, entry: Entry, position: number) => ({
  key,
  id: entry.id,
  position,
  section: entry.section,
  section_rank: sectionRank(entry.section),
  text: entry.text,
  helpful: entry.helpful,
  harmful: entry.harmful,
  created_at: entry.createdAt,
  last_tagged_at: entry.lastTaggedAt,
  origins: entry.origins === undefined ? null : JSON.stringify(entry.origins),
});

const HistoryRow = Schema.Struct({
  line: Schema.Int,
  version: Schema.Int,
  update: Cause.fields.update,
  by: Cause.fields.by,
  attempt: Schema.NullOr(Schema.String),
  reflection: Schema.NullOr(Schema.String),
  change: Schema.fromJsonString(Change),
});
export const HistoryRows = Schema.Array(HistoryRow);

/** The line of history that a row holds. */
export const lineOfRow = (key: string, row: typeof HistoryRow.Type): HistoryLine => ({
  key,
  version: row.version,
  // In the order in which the loop writes them, so that runs with any store write the same bytes.
  cause: {
    update: row.update,
    by: row.by,
    ...(row.attempt === null ? {} : { attempt: row.attempt }),
    ...(row.reflection === null ? {} : { reflection: row.reflection }),
  },
  change: row.change,
});

/** Which entry a change is about, for the index. */
const entryOf = (change: Change): string | null => {
  switch (change._tag) {
    case "Advanced":
      return null;
    case "Tagged":
      return change.tag.entry;
    default:
      return change.entry.id;
  }
};

/** The row that holds a change of history. */
export const rowOfChange = (
  key: string,
  cause: Cause,
  at: { readonly line: number; readonly version: number },
  change: Change,
) => ({
  key,
  line: at.line,
  version: at.version,
  update: cause.update,
  by: cause.by,
  attempt: cause.attempt ?? null,
  reflection: cause.reflection ?? null,
  kind: change._tag,
  entry: entryOf(change),
  operation: change._tag === "Advanced" ? null : (change.operation ?? null),
  change: JSON.stringify(change),
});
