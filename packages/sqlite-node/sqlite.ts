/** `SqlClient` of Effect over Node's own `node:sqlite`, so that no native module has to be installed. */
import { Effect, Layer, Schema, Semaphore, Stream } from "effect";
import { Reactivity } from "effect/reactivity";
import { SqlClient, type SqlConnection, SqlError, Statement } from "effect/sql";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

/** Which database to open, and how. */
export const SqliteOptions = Schema.Struct({
  /** A file, made if it is not there (its folder has to be), or `:memory:`. */
  filename: Schema.NonEmptyString,
  readOnly: Schema.optionalKey(Schema.Boolean),
  /** Milliseconds to wait for another process that holds the file; 5000 if absent. */
  busyTimeout: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
});
export type SqliteOptions = typeof SqliteOptions.Type;

/** Statements kept prepared; a client that builds queries from data would otherwise keep one per shape for ever. */
const PREPARED = 128;

type Rows = ReadonlyArray<Record<string, unknown>>;

/** Turns what node:sqlite throws into a SqlError; its code is in `errcode`, where Effect looks for `errno`. */
const attempt = <A>(operation: string, run: () => A): Effect.Effect<A, SqlError.SqlError> =>
  Effect.try({
    try: run,
    catch: (cause) => {
      const coded =
        cause instanceof Error && "errcode" in cause
          ? Object.assign(cause, { errno: cause.errcode })
          : cause;
      const detail = cause instanceof Error ? `: ${cause.message}` : "";
      return new SqlError.SqlError({
        reason: SqlError.classifySqliteError(coded, {
          message: `SQLite could not ${operation}${detail}`,
          operation,
        }),
      });
    },
  });

/** What node:sqlite can bind: booleans become 0 and 1, dates ISO texts, undefined null. */
const bindable = (value: unknown): SQLInputValue => {
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1 : 0;
  return value instanceof Date ? value.toISOString() : (value as SQLInputValue);
};

/**
 * Integers are read as bigints, because node:sqlite throws on large ones otherwise and leaves a transaction open.
 * Those that a number holds exactly become numbers again; larger ones stay bigints rather than lose digits.
 */
const narrow = (value: unknown): unknown =>
  typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;

const narrowRow = <Row extends object>(row: Row): Row => {
  for (const [column, value] of Object.entries(row)) Reflect.set(row, column, narrow(value));
  return row;
};

const makeConnection = (database: DatabaseSync): SqlConnection.Connection => {
  const prepared = new Map<string, StatementSync>();

  const prepare = (sql: string): StatementSync => {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    return statement;
  };
  const prepareOnce = (sql: string): StatementSync => {
    const statement = prepared.get(sql) ?? prepare(sql);
    prepared.delete(sql);
    prepared.set(sql, statement);
    const [oldest] = prepared.keys();
    if (prepared.size > PREPARED && oldest !== undefined) prepared.delete(oldest);
    return statement;
  };

  const query = <A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    cache: boolean,
    use: (statement: StatementSync, values: Array<SQLInputValue>) => A,
  ) =>
    attempt("run a statement", () =>
      use(cache ? prepareOnce(sql) : prepare(sql), params.map(bindable)),
    );

  /** Rows with numbers where they are exact, unless the caller asked for bigints throughout. */
  const readable = <A>(rows: Effect.Effect<ReadonlyArray<A & object>, SqlError.SqlError>) =>
    Effect.flatMap(SqlClient.SafeIntegers, (bigints) =>
      bigints ? rows : Effect.map(rows, (found) => found.map(narrowRow)),
    );

  const all = (statement: StatementSync, values: Array<SQLInputValue>): Rows => {
    if (statement.columns().length > 0) return statement.all(...values);
    statement.run(...values);
    return [];
  };
  const execute =
    (cache: boolean): SqlConnection.Connection["execute"] =>
    (sql, params, transformRows) => {
      const rows = readable(query(sql, params, cache, all));
      return transformRows === undefined ? rows : Effect.map(rows, transformRows);
    };

  const values =
    (cache: boolean): SqlConnection.Connection["executeValues"] =>
    (sql, params) =>
      readable(
        query(sql, params, cache, (statement, bound) => {
          statement.setReturnArrays(true);
          try {
            return all(statement, bound) as unknown as ReadonlyArray<Array<unknown>>;
          } finally {
            statement.setReturnArrays(false);
          }
        }),
      );

  return {
    execute: execute(true),
    executeUnprepared: execute(false),
    executeValues: values(true),
    executeValuesUnprepared: values(false),
    executeRaw: (sql, params) =>
      query(sql, params, true, (statement, bound) =>
        statement.columns().length > 0 ? statement.all(...bound) : statement.run(...bound),
      ),
    // A statement of its own, since another query may run the cached one while the stream is open.
    executeStream: (sql, params, transformRows) =>
      Stream.unwrap(
        Effect.map(
          Effect.zip(
            SqlClient.SafeIntegers,
            query(sql, params, false, (...both) => both),
          ),
          ([bigints, [statement, bound]]) => {
            const iterator = statement.iterate(...bound);
            const next = attempt("read a row", () => iterator.next());
            const rows = Stream.unfold(undefined, () =>
              Effect.map(next, (step) => {
                if (step.done === true) return undefined;
                return [bigints ? step.value : narrowRow(step.value), undefined] as const;
              }),
            );
            return transformRows === undefined
              ? rows
              : Stream.flatMap(rows, (row) => Stream.fromIterable(transformRows([row])));
          },
        ),
      ),
  };
};

/**
 * A client on one SQLite file or on memory. The file is in write-ahead mode and closed with the layer's scope; one
 * connection serves all fibers in turn, and transactions begin `IMMEDIATE`, so that two processes never deadlock.
 *
 * Gotcha: integers beyond ±2⁵³ arrive as bigints. With `SqlClient.SafeIntegers` all integers do.
 */
export const layer = (
  options: SqliteOptions,
): Layer.Layer<SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.effect(
    SqlClient.SqlClient,
    Effect.gen(function* () {
      const { filename, readOnly = false, busyTimeout = 5000 } = options;
      const database = yield* Effect.acquireRelease(
        attempt(
          `open ${filename}`,
          () => new DatabaseSync(filename, { readOnly, timeout: busyTimeout }),
        ),
        (open) => Effect.sync(() => open.close()),
      );
      if (!readOnly) {
        yield* attempt(`set up ${filename}`, () =>
          database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"),
        );
      }
      return yield* SqlClient.make({
        driver: "sqlite-node",
        compiler: Statement.makeCompilerSqlite(),
        spanAttributes: [["db.system.name", "sqlite"]],
        beginTransaction: readOnly ? "BEGIN" : "BEGIN IMMEDIATE",
        prepareTransactionControls: true,
        ...SqlClient.makeSqliteAcquirers({
          connection: Effect.succeed(makeConnection(database)),
          semaphore: yield* Semaphore.make(1),
          isTransaction: () => database.isTransaction,
        }),
      });
    }),
  ).pipe(Layer.provide(Reactivity.layer));
