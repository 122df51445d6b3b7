/**
 * Questions to the SQLite database of a ferry line. The policy looks around with `run_sql` and hands a query in with
 * `answer`; its rows have to be right here and on a second database that it never sees.
 *
 * @module
 */
export { Options, layer, manifest } from "./sql.ts";
