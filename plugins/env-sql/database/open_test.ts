import { assert, describe, it } from "vitest";
import { openDatabase, query } from "./open.ts";
import { drawRows } from "./rows.ts";

const database = openDatabase(drawRows(1, "shown"));
const ask = (sql: string) => query(database, sql, 3, 10_000);
const rowsOf = (sql: string) => {
  const result = ask(sql);
  return result._tag === "rows" ? result.rows : result.message;
};

describe("openDatabase()", () => {
  it("openDatabase() gives a database that can be read and nothing else", () => {
    for (const sql of [
      "DELETE FROM ports",
      "INSERT INTO ports VALUES (9, 'x', 'north')",
      "UPDATE ports SET name = 'x' RETURNING name",
      "CREATE TABLE x (y)",
      "CREATE TEMP TABLE x (y)",
      "CREATE VIRTUAL TABLE x USING fts5 (y)",
      "DROP TABLE ports",
      "ATTACH DATABASE '/tmp/resd-x.db' AS x",
      "VACUUM INTO '/tmp/resd-x.db'",
      "PRAGMA query_only = 0",
      "PRAGMA journal_mode = WAL",
      "PRAGMA hard_heap_limit = 0",
      "BEGIN",
      "SELECT load_extension('x')",
      "SELECT random()",
      "SELECT writefile('/tmp/resd-x', 'x')",
      "SELECT readfile('/etc/passwd')",
    ]) {
      const result = ask(sql);
      assert.strictEqual(result._tag, "error", sql);
    }
    assert.deepStrictEqual(rowsOf("SELECT COUNT(*) FROM ports"), [[8]]);
  });

  it("openDatabase() lets queries look at the tables themselves", () => {
    assert.deepStrictEqual(rowsOf("SELECT name FROM sqlite_master ORDER BY 1 LIMIT 1"), [
      ["bookings"],
    ]);
    assert.strictEqual(ask("PRAGMA table_info(ports)")._tag, "rows");
    assert.deepStrictEqual(rowsOf("SELECT name FROM pragma_table_info('ports')"), [
      ["id"],
      ["name"],
      ["region"],
    ]);
  });

  it("openDatabase() has the same rows for the same seed, and others for the other database", () => {
    assert.deepStrictEqual(drawRows(1, "shown"), drawRows(1, "shown"));
    const [shown, hidden, other] = [
      drawRows(1, "shown"),
      drawRows(1, "hidden"),
      drawRows(2, "shown"),
    ];
    shown.forEach(([table, rows], i) => {
      const same = table === "ports";
      assert.strictEqual(JSON.stringify(rows) === JSON.stringify(hidden[i]![1]), same, table);
      assert.strictEqual(JSON.stringify(rows) === JSON.stringify(other[i]![1]), same, table);
    });
  });
});

describe("query()", () => {
  it("query() reads as many rows as it may and says whether there are more", () => {
    assert.deepInclude(ask("SELECT id FROM ports"), { rows: [[1], [2], [3]], more: true });
    assert.deepInclude(ask("SELECT id FROM ports LIMIT 3"), { more: false });
  });

  it("query() takes one statement, and comments behind it", () => {
    assert.deepInclude(ask("SELECT 1; SELECT 2"), { message: "one statement at a time" });
    assert.deepStrictEqual(rowsOf("-- first\nSELECT 1; -- and /* last */\n;"), [[1]]);
    assert.strictEqual(ask("")._tag, "error");
    assert.strictEqual(ask("-- nothing")._tag, "error");
  });

  it("query() gives values that JSON holds", () => {
    const odd =
      "SELECT 9007199254740993, 1e999, x'00ff', -0.0, NULL, char(0) || 'b', printf('%.*c', 9000, 'x')";
    const [row] = rowsOf(odd) as ReadonlyArray<ReadonlyArray<unknown>>;
    assert.deepStrictEqual(row?.slice(0, 6), [
      "9007199254740993",
      "Infinity",
      "x'00ff'",
      0,
      null,
      "\0b",
    ]);
    assert.lengthOf(String(row?.[6]), 1001);
  });

  it("query() tells SQLite's own words", () => {
    assert.deepStrictEqual(ask("SELECT nam FROM ports"), {
      _tag: "error",
      message: "no such column: nam",
    });
  });
});
