/** What crosses between the run and the process that queries databases. */
import type { QueryResult } from "./open.ts";
import type { Instance, Rows } from "./rows.ts";

/** The first message: what is in the databases. */
export type Filling = Readonly<Record<Instance, Rows>>;

/** One statement on one of the databases. */
export interface Ask {
  readonly instance: Instance;
  readonly sql: string;
  readonly mostRows: number;
}

/** What the process says: that it is ready to be filled, and filled, then one result for each question. */
export type FromProcess =
  | { readonly _tag: "ready" | "filled" }
  | { readonly _tag: "result"; readonly result: QueryResult };
