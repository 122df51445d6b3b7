/** Playbooks in a SQLite file: the pure transitions decide, this file keeps what they decided. */
import { type Cause, type Change, type Entry, PlaybookError } from "@resd/core";
import { type PlaybookBackend, type PlaybookState, type Transition, emptyState } from "@resd/resd";
import { Effect, Option, Schema, Stream } from "effect";
import { chunksOf } from "effect/Array";
import { SqlClient, type SqlError } from "effect/sql";
import { type Positions, placeEntries } from "./positions.ts";
import {
  EntryRows,
  HistoryRows,
  PlaybookRow,
  entryOfRow,
  lineOfRow,
  rowOfChange,
  rowOfEntry,
} from "./rows.ts";

/** Rows in one statement; far below SQLite's limit on parameters. */
const ROWS = 100;
/** Lines of history read at a time. */
const PAGE = 256;
/** Playbooks whose entries are kept in memory beside the file. */
const REMEMBERED = 64;

/** A playbook as it was at a revision. Its entries are read again only when the file has moved on. */
interface Known {
  readonly revision: number;
  readonly state: PlaybookState;
  readonly positions: Positions;
  /** Number of the last line of its history. */
  readonly line: number;
}
const UNKNOWN: Known = { revision: 0, state: emptyState, positions: new Map(), line: 0 };

/** Ids of entries that changed, and of those that left. */
const idsIn = (changes: ReadonlyArray<Change>) => {
  const written = new Set<string>();
  const gone = new Set<string>();
  for (const change of changes) {
    if (change._tag === "Advanced") continue;
    const id = change._tag === "Tagged" ? change.tag.entry : change.entry.id;
    const [into, from] = change._tag === "Removed" ? [gone, written] : [written, gone];
    into.add(id);
    from.delete(id);
  }
  return { written, gone };
};

/** The store on the client's database, whose tables have to be there. `file` names it in errors. */
export const sqliteBackend = Effect.fnUntraced(function* (
  file: string,
): Effect.fn.Return<PlaybookBackend, never, SqlClient.SqlClient> {
  const sql = yield* SqlClient.SqlClient;
  const memory = new Map<string, Known>();

  const remember = (key: string, known: Known): void => {
    memory.delete(key);
    memory.set(key, known);
    const [oldest] = memory.keys();
    if (memory.size > REMEMBERED && oldest !== undefined) memory.delete(oldest);
  };

  const failed = (key: string) => (error: SqlError.SqlError | Schema.SchemaError | PlaybookError) =>
    error._tag === "PlaybookError"
      ? error
      : new PlaybookError({
          key,
          message:
            error._tag === "SqlError"
              ? `Expected the playbook file ${file} to be usable, got: ${error.reason.message}; see that no other program holds it for long, or take a copy if it is damaged (the folder of a run has snapshots: resd playbook import <run> --into <new file>)`
              : `Expected rows as this store writes them, got ${error.message}, at ${file}; restore the file from a snapshot`,
        });

  const decodePlaybooks = Schema.decodeUnknownEffect(Schema.Array(PlaybookRow));
  const decodeEntries = Schema.decodeUnknownEffect(EntryRows);
  const decodeHistory = Schema.decodeUnknownEffect(HistoryRows);

  const readEntries = Effect.fnUntraced(function* (key: string) {
    return yield* decodeEntries(
      yield* sql`SELECT key, position, id, section, text, helpful, harmful,
          created_at AS createdAt, last_tagged_at AS lastTaggedAt, origins
        FROM playbook_entry WHERE key = ${key} ORDER BY section_rank, position`,
    );
  });

  /** A playbook with its revision; what is remembered of it, if nobody else has written since. */
  const load = Effect.fnUntraced(function* (key: string) {
    const [row] = yield* decodePlaybooks(
      yield* sql`SELECT key, revision, next_id AS nextId, update_count AS updateCount, version
        FROM playbook WHERE key = ${key}`,
    );
    const remembered = memory.get(key);
    const {
      key: _key,
      revision,
      ...counters
    } = row ?? {
      key,
      revision: UNKNOWN.revision,
      ...emptyState,
    };
    if (remembered?.revision === revision) return remembered;
    const [last] = yield* sql<{ readonly line: number }>`
      SELECT coalesce(max(line), 0) AS line FROM playbook_history WHERE key = ${key}`;
    const line = last?.line ?? 0;
    if (row === undefined) return { ...UNKNOWN, line };
    const rows = yield* readEntries(key);
    const known: Known = {
      revision,
      state: { ...counters, entries: rows.map(entryOfRow) },
      positions: new Map(rows.map(({ id, position }) => [id, position])),
      line,
    };
    remember(key, known);
    return known;
  });

  /** What is remembered, found current by one statement; else a reading under a lock, so that it is of one moment. */
  const current = Effect.fnUntraced(function* (key: string) {
    const remembered = memory.get(key);
    if (remembered !== undefined) {
      const [row] = yield* sql<{ readonly revision: number }>`
        SELECT revision FROM playbook WHERE key = ${key}`;
      if (row?.revision === remembered.revision) return remembered;
    }
    return yield* sql.withTransaction(load(key));
  });

  const nextRevision = Effect.map(
    sql<{ readonly revision: number }>`
      UPDATE playbook_revision SET revision = revision + 1 RETURNING revision`,
    (rows) => rows[0]?.revision ?? 0,
  );

  const writeEntries = Effect.fnUntraced(function* (
    key: string,
    entries: ReadonlyArray<Entry>,
    positions: Positions,
  ) {
    const rows = entries.map((entry) => rowOfEntry(key, entry, positions.get(entry.id) ?? 0));
    for (const some of chunksOf(rows, ROWS)) {
      yield* sql`INSERT OR REPLACE INTO playbook_entry ${sql.insert(some)}`;
    }
  });

  const writeCounters = Effect.fnUntraced(function* (
    key: string,
    revision: number,
    { nextId, updateCount, version }: PlaybookState,
  ) {
    yield* sql`INSERT INTO playbook (key, next_id, update_count, version, revision)
      VALUES (${key}, ${nextId}, ${updateCount}, ${version}, ${revision})
      ON CONFLICT (key) DO UPDATE SET next_id = excluded.next_id,
        update_count = excluded.update_count, version = excluded.version,
        revision = excluded.revision`;
  });

  /** Writes what a transition changed, and its lines of history. */
  const keep = Effect.fnUntraced(function* (
    key: string,
    cause: Cause,
    before: Known,
    { state, changes }: Transition,
  ) {
    const revision = yield* nextRevision;
    yield* writeCounters(key, revision, state);
    const { written, gone } = idsIn(changes);
    for (const some of chunksOf([...gone], ROWS)) {
      yield* sql`DELETE FROM playbook_entry WHERE key = ${key} AND ${sql.in("id", some)}`;
    }
    const { positions, moved } = placeEntries(state.entries, before.positions);
    for (const { id } of moved) written.add(id);
    if (written.size > 0) {
      const entries = state.entries.filter(({ id }) => written.has(id));
      yield* writeEntries(key, entries, positions);
    }
    const { version } = state;
    const rows = changes.map((change, i) =>
      rowOfChange(key, cause, { line: before.line + i + 1, version }, change),
    );
    for (const some of chunksOf(rows, ROWS)) {
      yield* sql`INSERT INTO playbook_history ${sql.insert(some)}`;
    }
    return { revision, state, positions, line: before.line + changes.length };
  });

  return {
    read: (key) =>
      Effect.mapError(
        Effect.map(current(key), ({ state }) => state),
        failed(key),
      ),
    write: (key, cause, step) =>
      Effect.gen(function* () {
        const before = yield* load(key);
        const made = step(before.state);
        const after = made.changes.length > 0 ? yield* keep(key, cause, before, made) : undefined;
        return { made, after };
      }).pipe(
        sql.withTransaction,
        // Remembered once it is in the file, never before.
        Effect.tap(({ after }) => Effect.sync(() => after !== undefined && remember(key, after))),
        Effect.map(({ made }) => made),
        Effect.mapError(failed(key)),
      ),
    // In pages, so that a reader who takes its time never keeps writers waiting. Lines are numbered from 1.
    history: (key, skipped) =>
      Stream.paginate(skipped, (after) =>
        sql`SELECT line, version, "update", "by", attempt, reflection, change FROM playbook_history
          WHERE key = ${key} AND line > ${after} ORDER BY line LIMIT ${PAGE}`.pipe(
          Effect.flatMap(decodeHistory),
          Effect.mapError(failed(key)),
          Effect.map((rows) => {
            const last = rows.length < PAGE ? undefined : rows.at(-1)?.line;
            const lines = rows.map((row) => lineOfRow(key, row));
            return [lines, Option.fromUndefinedOr(last)] as const;
          }),
        ),
      ),
    readAll: Effect.gen(function* () {
      const rows = yield* sql<{ readonly key: string }>`SELECT key FROM playbook`;
      const states = new Map<string, PlaybookState>();
      for (const { key } of rows) states.set(key, (yield* load(key)).state);
      return states;
    }).pipe(sql.withTransaction, Effect.mapError(failed("*"))),
    replaceAll: (playbooks) =>
      Effect.gen(function* () {
        const revision = yield* nextRevision;
        yield* sql`DELETE FROM playbook_entry`;
        yield* sql`DELETE FROM playbook`;
        for (const [key, state] of playbooks) {
          yield* writeCounters(key, revision, state);
          const { positions } = placeEntries(state.entries, new Map());
          yield* writeEntries(key, state.entries, positions);
        }
        yield* sql`DELETE FROM playbook_history WHERE version >
          coalesce((SELECT version FROM playbook WHERE playbook.key = playbook_history.key), -1)`;
      }).pipe(sql.withTransaction, Effect.mapError(failed("*"))),
  };
});
