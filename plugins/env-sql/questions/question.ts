/** Questions with the query that answers them, and the words that they are made of. */
import { Schema } from "effect";

/** A question; `ordered` where it asks for an order of the rows. */
export const Question = Schema.Struct({
  template: Schema.String,
  text: Schema.String,
  sql: Schema.String,
  ordered: Schema.Boolean,
});
export type Question = typeof Question.Type;

/** All questions of one form. */
export type Template = ReadonlyArray<Question>;

/** Makes the questions of one form from what may stand in its places. */
export const template = <A>(
  name: string,
  places: ReadonlyArray<A>,
  ask: (place: A) => { readonly text: string; readonly sql: string; readonly ordered?: true },
): Template =>
  places.map((place) => {
    const { text, sql, ordered = false } = ask(place);
    return { template: name, text, sql: sql.replaceAll(/\s+/g, " ").trim(), ordered };
  });

/** Every pair of an element of one list and one of the other. */
export const pairs = <A, B>(
  some: ReadonlyArray<A>,
  others: ReadonlyArray<B>,
): ReadonlyArray<readonly [A, B]> => some.flatMap((a) => others.map((b) => [a, b] as const));

const MONTH_NAMES =
  "January February March April May June July August September October November December".split(
    " ",
  );

/** Months by name, as `2025-03` and as the pattern of their dates. */
export const MONTHS = MONTH_NAMES.map((name, i) => ({
  name,
  key: `2025-${String(i + 1).padStart(2, "0")}`,
}));

/** Quarters of the year, from and to which month. */
export const QUARTERS = ["first", "second", "third", "fourth"].map((name, i) => ({
  name,
  first: MONTHS[3 * i]!.key,
  last: MONTHS[3 * i + 2]!.key,
}));

/** Took place: the glossary's words as conditions on a sailing `s` and on a booking `b`. */
export const TOOK_PLACE = "s.status <> 'cancelled'";
export const KEPT = "b.refunded = 0";
export const REVENUE = "SUM(b.price_cents) / 100.0";
