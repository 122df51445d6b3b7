/** A database of the ferry line in memory, and queries that can do nothing to it. */
import { DatabaseSync, type StatementSync, constants } from "node:sqlite";
import type { Rows } from "./rows.ts";
import { TABLES } from "./tables.ts";

/** Bytes that SQLite may hold in the whole process. */
const MOST_HEAP = 64 * 1024 * 1024;

/** Of texts and queries, in bytes; of nesting; and of what nobody needs, nothing. */
const LIMITS = {
  length: 1_000_000,
  sqlLength: 20_000,
  exprDepth: 200,
  compoundSelect: 50,
  attach: 0,
  variableNumber: 0,
};

/** They tell about tables and change nothing. */
const PRAGMAS: ReadonlySet<string> = new Set([
  "table_info",
  "table_xinfo",
  "table_list",
  "index_list",
  "index_info",
  "foreign_key_list",
]);

/** Functions that load code, or whose value is another one every time. */
const FORBIDDEN_FUNCTIONS: ReadonlySet<string> = new Set([
  "load_extension",
  "fts3_tokenizer",
  "random",
  "randomblob",
]);

/** Reading is allowed, everything else is not. */
const authorize = (action: number, first: string | null, second: string | null): number => {
  const { SQLITE_OK, SQLITE_DENY } = constants;
  const allow = (allowed: boolean) => (allowed ? SQLITE_OK : SQLITE_DENY);
  switch (action) {
    case constants.SQLITE_SELECT:
    case constants.SQLITE_READ:
    case constants.SQLITE_RECURSIVE:
      return SQLITE_OK;
    case constants.SQLITE_FUNCTION:
      return allow(!FORBIDDEN_FUNCTIONS.has(second?.toLowerCase() ?? ""));
    case constants.SQLITE_PRAGMA:
      return allow(PRAGMAS.has(first?.toLowerCase() ?? ""));
    default:
      return SQLITE_DENY;
  }
};

/** Fills a database in memory and locks it: from then on it can be read and nothing else. */
export const openDatabase = (tables: Rows): DatabaseSync => {
  const database = new DatabaseSync(":memory:", { allowExtension: false, defensive: true });
  database.exec(TABLES);
  database.exec("BEGIN");
  for (const [table, rows] of tables) {
    const places = rows[0]!.map(() => "?").join(", ");
    const insert = database.prepare(`INSERT INTO ${table} VALUES (${places})`);
    for (const row of rows) insert.run(...row);
  }
  database.exec("COMMIT");
  database.exec(
    `PRAGMA hard_heap_limit = ${MOST_HEAP}; PRAGMA temp_store = MEMORY; PRAGMA query_only = 1;`,
  );
  Object.assign(database.limits, LIMITS);
  database.setAuthorizer(authorize);
  return database;
};

/** Characters of a text, far more than any that the databases hold. */
const MOST_TEXT = 1000;

/** A value as JSON holds it: integers that a number cannot hold, infinities and bytes are texts; long texts are cut. */
export type Cell = string | number | null;

/** The first rows of a query, or SQLite's own words on what is wrong with it. */
export type QueryResult =
  | {
      readonly _tag: "rows";
      readonly columns: ReadonlyArray<string>;
      readonly rows: ReadonlyArray<ReadonlyArray<Cell>>;
      /** There are further ones. */
      readonly more: boolean;
    }
  | { readonly _tag: "error"; readonly message: string };

const cellOf = (value: unknown): Cell => {
  switch (typeof value) {
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case "number":
      return Number.isFinite(value) ? value + 0 : String(value);
    case "string":
      return value.length <= MOST_TEXT ? value : `${value.slice(0, MOST_TEXT)}…`;
    default:
      return value instanceof Uint8Array
        ? `x'${Buffer.from(value.subarray(0, MOST_TEXT)).toString("hex")}'`
        : null;
  }
};

/** Whether something but white space, comments and semicolons follows the first statement. */
const hasRest = (sql: string, { sourceSQL }: StatementSync): boolean =>
  sql.slice(sourceSQL.length).replaceAll(/--[^\n]*|\/\*[^]*?(?:\*\/|$)|[\s;]/g, "") !== "";

/** Runs one statement and reads at most `most` rows of at most `mostCells` cells together. */
export const query = (
  database: DatabaseSync,
  sql: string,
  most: number,
  mostCells: number,
): QueryResult => {
  try {
    const statement = database.prepare(sql);
    if (hasRest(sql, statement)) {
      return { _tag: "error", message: "one statement at a time" };
    }
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    const columns = statement.columns().map(({ name }) => name);
    const rows: Array<ReadonlyArray<Cell>> = [];
    for (const row of statement.iterate() as Iterable<unknown>) {
      if (rows.length >= most || rows.length * columns.length >= mostCells) {
        return { _tag: "rows", columns, rows, more: true };
      }
      rows.push((row as ReadonlyArray<unknown>).map((value) => cellOf(value)));
    }
    return { _tag: "rows", columns, rows, more: false };
  } catch (cause) {
    return { _tag: "error", message: cause instanceof Error ? cause.message : String(cause) };
  }
};
