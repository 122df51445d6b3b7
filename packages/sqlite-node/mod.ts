/**
 * An Effect `SqlClient` on SQLite, over the database that is part of Node: nothing to compile, nothing to download.
 *
 * @example
 * ```ts
 * import * as Sqlite from "@resd/sqlite-node";
 * const rows = Effect.gen(function* () {
 *   const sql = yield* SqlClient.SqlClient;
 *   return yield* sql`SELECT 1 AS one`;
 * }).pipe(Effect.provide(Sqlite.layer({ filename: ":memory:" })));
 * ```
 *
 * @module
 */
export * from "./sqlite.ts";
