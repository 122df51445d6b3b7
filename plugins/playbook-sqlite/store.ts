/** Playbooks in a SQLite file: the pure transitions decide, this file keeps what they decided. */
import { Change, Entry, type HistoryLine, PlaybookError, Cause as Reason } from "@resd/core";
import { type PlaybookBackend, PlaybookState, emptyState } from "@resd/resd";
import { Effect, Option, Schema, Stream, Struct } from "effect";
import { chunksOf } from "effect/Array";
import { SqlClient, type SqlError } from "effect/sql";

/** Rows in one INSERT; far below SQLite's limit on parameters. */
const ROWS = 100;
/** Lines of history read at a time. */
const PAGE = 256;

const PlaybookRows = Schema.Array(
  Schema.Struct({ key: Schema.String, ...Struct.omit(PlaybookState.fields, ["entries"]) }),
);
const EntryRows = Schema.Array(Schema.Struct({ key: Schema.String, ...Entry.fields }));
const HistoryRows = Schema.Array(
  Schema.Struct({
    line: Schema.Int,
    update: Reason.fields.update,
    by: Reason.fields.by,
    attempt: Schema.NullOr(Schema.String),
    change: Schema.fromJsonString(Change),
  }),
);

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

const rowOf = (key: string, entry: Entry, position: number) => ({
  key,
  id: entry.id,
  position,
  section: entry.section,
  text: entry.text,
  helpful: entry.helpful,
  harmful: entry.harmful,
  created_at: entry.createdAt,
  last_tagged_at: entry.lastTaggedAt,
});

/** The store on the client's database, whose tables have to be there. `file` names it in errors. */
export const sqliteBackend = Effect.fnUntraced(function* (
  file: string,
): Effect.fn.Return<PlaybookBackend, never, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient;

  const failed = (key: string) => (error: SqlError.SqlError | Schema.SchemaError | PlaybookError) =>
    error._tag === "PlaybookError"
      ? error
      : new PlaybookError({
          key,
          message:
            error._tag === "SqlError"
              ? `Expected the playbook file ${file} to be usable, got: ${error.reason.message}`
              : `Expected rows as this store writes them, got ${error.message}, at ${file}; restore the file from a snapshot`,
        });

  const decodePlaybooks = Schema.decodeUnknownEffect(PlaybookRows);
  const decodeEntries = Schema.decodeUnknownEffect(EntryRows);
  const decodeHistory = Schema.decodeUnknownEffect(HistoryRows);

  /** All playbooks, or the one of a key. */
  const load = Effect.fnUntraced(function* (key?: string) {
    const where = key === undefined ? sql.literal("1 = 1") : sql`key = ${key}`;
    const playbooks = yield* decodePlaybooks(
      yield* sql`SELECT key, next_id AS nextId, update_count AS updateCount, version
        FROM playbook WHERE ${where}`,
    );
    const rows = yield* decodeEntries(
      yield* sql`SELECT key, id, section, text, helpful, harmful,
          created_at AS createdAt, last_tagged_at AS lastTaggedAt
        FROM playbook_entry WHERE ${where} ORDER BY key, position`,
    );
    const entries = Map.groupBy(rows, (row) => row.key);
    return new Map(
      playbooks.map(({ key: own, ...counters }) => [
        own,
        {
          ...counters,
          entries: (entries.get(own) ?? []).map((row): Entry => Struct.omit(row, ["key"])),
        },
      ]),
    );
  });
  const loadOne = (key: string) =>
    Effect.map(load(key), (playbooks) => playbooks.get(key) ?? emptyState);

  /** Writes the difference between two states of a key. */
  const save = Effect.fnUntraced(function* (
    key: string,
    before: PlaybookState,
    after: PlaybookState,
  ) {
    yield* sql`INSERT INTO playbook (key, next_id, update_count, version)
      VALUES (${key}, ${after.nextId}, ${after.updateCount}, ${after.version})
      ON CONFLICT (key) DO UPDATE SET next_id = excluded.next_id,
        update_count = excluded.update_count, version = excluded.version`;
    const kept = new Set(after.entries.map((entry) => entry.id));
    for (const { id } of before.entries) {
      if (!kept.has(id)) yield* sql`DELETE FROM playbook_entry WHERE key = ${key} AND id = ${id}`;
    }
    const rows = after.entries.flatMap((entry, position) =>
      before.entries[position] === entry ? [] : [rowOf(key, entry, position)],
    );
    for (const some of chunksOf(rows, ROWS)) {
      yield* sql`INSERT OR REPLACE INTO playbook_entry ${sql.insert(some)}`;
    }
  });

  const append = Effect.fnUntraced(function* (
    key: string,
    cause: Reason,
    version: number,
    changes: ReadonlyArray<Change>,
  ) {
    const [last] = yield* sql<{ readonly line: number }>`
      SELECT coalesce(max(line), 0) AS line FROM playbook_history WHERE key = ${key}`;
    const rows = changes.map((change, i) => ({
      key,
      line: (last?.line ?? 0) + i + 1,
      version,
      update: cause.update,
      by: cause.by,
      attempt: cause.attempt ?? null,
      kind: change._tag,
      entry: entryOf(change),
      change: JSON.stringify(change),
    }));
    for (const some of chunksOf(rows, ROWS))
      yield* sql`INSERT INTO playbook_history ${sql.insert(some)}`;
  });

  return {
    read: (key) => Effect.mapError(sql.withTransaction(loadOne(key)), failed(key)),
    write: (key, cause, step) =>
      Effect.gen(function* () {
        const before = yield* loadOne(key);
        const made = step(before);
        if (made.changes.length > 0) {
          yield* save(key, before, made.state);
          yield* append(key, cause, made.state.version, made.changes);
        }
        return made;
      }).pipe(sql.withTransaction, Effect.mapError(failed(key))),
    history: (key) =>
      // In pages, so that a reader who takes its time never keeps writers waiting.
      Stream.paginate(0, (after) =>
        sql`SELECT line, "update", "by", attempt, change FROM playbook_history
          WHERE key = ${key} AND line > ${after} ORDER BY line LIMIT ${PAGE}`.pipe(
          Effect.flatMap(decodeHistory),
          Effect.mapError(failed(key)),
          Effect.map((rows) => {
            const last = rows.length < PAGE ? undefined : rows.at(-1)?.line;
            const lines = rows.map(({ update, by, attempt, change }): HistoryLine => ({
              key,
              cause: { update, by, ...(attempt === null ? {} : { attempt }) },
              change,
            }));
            return [lines, Option.fromUndefinedOr(last)] as const;
          }),
        ),
      ),
    readAll: Effect.mapError(sql.withTransaction(load()), failed("*")),
    replaceAll: (playbooks) =>
      Effect.gen(function* () {
        yield* sql`DELETE FROM playbook`;
        for (const [key, state] of playbooks) yield* save(key, emptyState, state);
        yield* sql`DELETE FROM playbook_history WHERE version >
          coalesce((SELECT version FROM playbook WHERE playbook.key = playbook_history.key), -1)`;
      }).pipe(sql.withTransaction, Effect.mapError(failed("*"))),
  };
});
