/** The tables of the store: current entries, counters, and every change with its cause. */
import { Effect } from "effect";
import { Migrator, SqlClient } from "effect/sql";

/**
 * Brings a file to the newest tables. They are made to be read by people and other programs too, for instance:
 *
 * ```sql
 * SELECT "update", entry, json_extract(change, '$.reason') FROM playbook_history WHERE kind = 'Removed';
 * ```
 */
export const migrate = Migrator.make({})({
  table: "playbook_migrations",
  loader: Migrator.fromRecord({
    "0001_playbooks": Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      yield* sql`CREATE TABLE playbook (
        key TEXT PRIMARY KEY,
        next_id INTEGER NOT NULL,
        update_count INTEGER NOT NULL,
        version INTEGER NOT NULL
      ) WITHOUT ROWID`;
      yield* sql`CREATE TABLE playbook_entry (
        key TEXT NOT NULL REFERENCES playbook (key) ON DELETE CASCADE,
        id TEXT NOT NULL,
        position INTEGER NOT NULL,
        section TEXT NOT NULL,
        text TEXT NOT NULL,
        helpful INTEGER NOT NULL,
        harmful INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        last_tagged_at INTEGER NOT NULL,
        PRIMARY KEY (key, id)
      ) WITHOUT ROWID`;
      yield* sql`CREATE TABLE playbook_history (
        key TEXT NOT NULL,
        line INTEGER NOT NULL,
        version INTEGER NOT NULL,
        "update" INTEGER NOT NULL,
        "by" TEXT NOT NULL,
        attempt TEXT,
        kind TEXT NOT NULL,
        entry TEXT,
        change TEXT NOT NULL,
        PRIMARY KEY (key, line)
      ) WITHOUT ROWID`;
      yield* sql`CREATE INDEX playbook_history_entry ON playbook_history (key, entry)`;
    }),
  }),
});
