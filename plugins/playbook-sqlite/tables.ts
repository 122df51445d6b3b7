/** The tables of the store: current entries, counters, and every change with its cause. */
import { SECTIONS, sectionRank } from "@resd/resd";
import { Effect } from "effect";
import { Migrator, SqlClient } from "effect/sql";

/**
 * Brings a file to the newest tables. They are made to be read by people and other programs too, for instance:
 *
 * ```sql
 * SELECT "update", entry, json_extract(change, '$.reason') FROM playbook_history WHERE kind = 'Removed';
 * SELECT attempt, reflection, "update" FROM playbook_history WHERE entry = 'misc-00003' AND kind = 'Tagged';
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
    "0002_provenance": Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      // A revision is never given twice, also not after a restore: readers know by it whether they are up to date.
      yield* sql`CREATE TABLE playbook_revision (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        revision INTEGER NOT NULL
      )`;
      yield* sql`INSERT INTO playbook_revision (id, revision) VALUES (0, 1)`;
      yield* sql`ALTER TABLE playbook ADD COLUMN revision INTEGER NOT NULL DEFAULT 1`;
      // Positions count within a section, so that a new entry moves no other.
      yield* sql`ALTER TABLE playbook_entry ADD COLUMN section_rank INTEGER NOT NULL DEFAULT 6`;
      for (const section of SECTIONS) {
        yield* sql`UPDATE playbook_entry SET section_rank = ${sectionRank(section)}
          WHERE section = ${section}`;
      }
      yield* sql`ALTER TABLE playbook_entry ADD COLUMN origins TEXT`;
      yield* sql`ALTER TABLE playbook_history ADD COLUMN reflection TEXT`;
      yield* sql`ALTER TABLE playbook_history ADD COLUMN operation INTEGER`;
    }),
  }),
});
