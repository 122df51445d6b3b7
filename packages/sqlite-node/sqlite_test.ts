import { assert, describe, it } from "@effect/vitest";
import { Effect, Exit, Fiber, Layer, Stream } from "effect";
import { SqlClient } from "effect/sql";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as Sqlite from "./mod.ts";

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sqlite-node-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
);
const memory = Sqlite.layer({ filename: ":memory:" });
const steps = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient;
  yield* sql`CREATE TABLE steps (run TEXT NOT NULL, step INTEGER NOT NULL, loss REAL, data BLOB, PRIMARY KEY (run, step))`;
  return sql;
});

describe("sqlite-node", () => {
  it.effect("layer() gives a client that writes and reads every kind of value", () =>
    Effect.gen(function* () {
      const sql = yield* steps;
      const text = "it's \u0000 ünïcode 🦅";
      yield* sql`INSERT INTO steps ${sql.insert([
        { run: text, step: 1, loss: 0.1, data: new Uint8Array([0, 255]) },
        { run: "b", step: 2 ** 53 - 1, loss: null, data: null },
      ])}`;
      yield* sql`INSERT INTO steps (run, step) VALUES (${"c"}, ${true})`;
      assert.deepStrictEqual(
        (yield* sql`SELECT * FROM steps ORDER BY step`).map((row) => ({ ...row })),
        [
          { run: text, step: 1, loss: 0.1, data: new Uint8Array([0, 255]) },
          { run: "c", step: 1, loss: null, data: null },
          { run: "b", step: 2 ** 53 - 1, loss: null, data: null },
        ],
      );
      assert.deepStrictEqual(
        [...(yield* sql`SELECT step, run FROM steps WHERE run = ${"b"}`.values)],
        [[2 ** 53 - 1, "b"]],
      );
    }).pipe(Effect.provide(memory)),
  );

  it.effect("layer() keeps integers exact, when they are larger than numbers can be", () =>
    Effect.gen(function* () {
      const sql = yield* steps;
      yield* sql`INSERT INTO steps ${sql.insert({ run: "a", step: 2n ** 62n })}`;
      assert.deepStrictEqual({ ...(yield* sql`SELECT step FROM steps`)[0] }, { step: 2n ** 62n });
      yield* sql`UPDATE steps SET step = 7`;
      const exact = yield* Effect.provideService(
        sql`SELECT step FROM steps`,
        SqlClient.SafeIntegers,
        true,
      );
      assert.deepStrictEqual({ ...exact[0] }, { step: 7n });
    }).pipe(Effect.provide(memory)),
  );

  it.effect(
    "withTransaction() undoes everything, when a statement fails or the effect is stopped",
    () =>
      Effect.gen(function* () {
        const sql = yield* steps;
        const insert = (step: number) => sql`INSERT INTO steps ${sql.insert({ run: "a", step })}`;
        yield* insert(1);
        const clash = yield* Effect.flip(sql.withTransaction(Effect.andThen(insert(2), insert(1))));
        assert.strictEqual(clash.reason._tag, "ConstraintError");
        assert.include(clash.reason.message, "UNIQUE constraint failed: steps.run, steps.step");
        const stopped = yield* Effect.forkChild(
          sql.withTransaction(Effect.andThen(insert(3), Effect.never)),
        );
        yield* Effect.yieldNow;
        yield* Fiber.interrupt(stopped);
        const nested = yield* Effect.exit(
          sql.withTransaction(
            Effect.andThen(
              insert(4),
              Effect.ignore(sql.withTransaction(Effect.andThen(insert(5), insert(1)))),
            ),
          ),
        );
        assert.isTrue(Exit.isSuccess(nested));
        assert.deepStrictEqual(
          (yield* sql`SELECT step FROM steps ORDER BY step`).map((row) => row["step"]),
          [1, 4],
        );
      }).pipe(Effect.provide(memory)),
  );

  it.effect("a stream reads rows while other statements with the same text run", () =>
    Effect.gen(function* () {
      const sql = yield* steps;
      yield* Effect.forEach(
        [1, 2, 3, 4],
        (step) => sql`INSERT INTO steps ${sql.insert({ run: "a", step })}`,
      );
      const query = sql<{ readonly step: number }>`SELECT step FROM steps ORDER BY step`;
      const seen = yield* query.stream.pipe(
        Stream.map((row) => row.step),
        Stream.take(3),
        Stream.runCollect,
      );
      assert.deepStrictEqual([...seen], [1, 2, 3]);
      assert.strictEqual((yield* query).length, 4);
    }).pipe(Effect.provide(memory)),
  );

  it.effect("a file survives its client, and only one client at a time writes to it", () =>
    Effect.gen(function* () {
      const filename = join(yield* folder, "runs.sqlite");
      yield* Effect.gen(function* () {
        const sql = yield* steps;
        yield* sql`INSERT INTO steps ${sql.insert({ run: "a", step: 1 })}`;
      }).pipe(Effect.provide(Sqlite.layer({ filename })));

      yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        assert.strictEqual((yield* sql`SELECT * FROM steps`).length, 1);
        const other = new DatabaseSync(filename);
        other.exec("BEGIN IMMEDIATE");
        const locked = yield* Effect.flip(sql.withTransaction(sql`DELETE FROM steps`));
        assert.strictEqual(locked.reason._tag, "LockTimeoutError");
        other.exec("ROLLBACK");
        other.close();
        yield* sql.withTransaction(sql`DELETE FROM steps`);
      }).pipe(Effect.provide(Sqlite.layer({ filename, busyTimeout: 10 })));

      const readOnly = Sqlite.layer({ filename, readOnly: true });
      const refused = yield* Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        assert.strictEqual((yield* sql`SELECT * FROM steps`).length, 0);
        return yield* Effect.flip(sql`DELETE FROM steps`);
      }).pipe(Effect.provide(readOnly));
      assert.include(refused.reason.message, "readonly");
    }),
  );

  it.effect("layer() fails with the name of the file, when it cannot be opened", () =>
    Effect.gen(function* () {
      const filename = join(yield* folder, "no", "such", "folder.sqlite");
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Sqlite.layer({ filename }))));
      assert.strictEqual(error.reason._tag, "ConnectionError");
      assert.include(error.reason.message, filename);
    }),
  );

  it.effect("layer() keeps working, when more kinds of statements run than it keeps prepared", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient;
      for (const round of [1, 2]) {
        for (let i = 0; i < 300; i++) {
          const [row] = yield* sql<{
            readonly n: number;
          }>`SELECT ${sql.literal(String(i))} + ${round} AS n`;
          assert.strictEqual(row?.n, i + round);
        }
      }
    }).pipe(Effect.provide(memory)),
  );
});
