import { assert, describe, it } from "@effect/vitest";
import { type Entry, Similarity, SimilarityError } from "@resd/core";
import { Effect } from "effect";
import { dispensableFirst, leastUsefulFirst } from "./dispensable.ts";

const entryOf = (
  id: string,
  helpful: number,
  harmful: number,
  lastTaggedAt: number,
  text = id,
): Entry => ({
  id,
  section: "OTHERS",
  text,
  helpful,
  harmful,
  createdAt: 0,
  lastTaggedAt,
});
const ids = (entries: ReadonlyArray<Entry>) => entries.map(({ id }) => id);

describe("leastUsefulFirst", () => {
  it("leastUsefulFirst() ranks harmful, unused, helpful by what the tags vouch for, then by time", () => {
    const entries = [
      entryOf("fifty of fifty", 50, 0, 1),
      entryOf("one of one, late", 1, 0, 9),
      entryOf("unused", 0, 0, 9),
      entryOf("two of three", 2, 1, 9),
      entryOf("harmful", 4, 4, 9),
      entryOf("one of one, early", 1, 0, 8),
    ];
    assert.deepStrictEqual(ids(leastUsefulFirst(entries)), [
      "harmful",
      "unused",
      "two of three",
      "one of one, early",
      "one of one, late",
      "fifty of fifty",
    ]);
  });
});

describe("dispensableFirst", () => {
  const lessons = [
    entryOf("helpful elsewhere", 9, 0, 5, "Sort the list before you search it."),
    entryOf("helpful here", 8, 0, 5, "Show the carry of each digit when you add."),
    entryOf("harmful here", 0, 3, 9, "Show the carry of each digit when you add numbers."),
    entryOf("unused elsewhere", 0, 0, 1, "Water boils at sea level."),
    entryOf("unused here", 0, 0, 1, "Add the digits from the right."),
  ];
  const task = "Add 17 and 25, and show the carry of each digit.";

  it.effect("dispensableFirst() keeps what is useful and has to do with the task to the last", () =>
    Effect.gen(function* () {
      const order = ids(yield* dispensableFirst(lessons, task));
      assert.strictEqual(order[0], "harmful here");
      assert.strictEqual(order[1], "unused elsewhere");
      assert.strictEqual(order.at(-1), "helpful here");
    }),
  );

  it.effect(
    "dispensableFirst() goes by usefulness alone, when no lesson has to do with the task",
    () =>
      Effect.gen(function* () {
        const order = ids(yield* dispensableFirst(lessons, "Paint it."));
        assert.deepStrictEqual(order, ids(leastUsefulFirst(lessons)));
      }),
  );

  it.effect("dispensableFirst() goes by usefulness alone, when relevance cannot be measured", () =>
    Effect.gen(function* () {
      const broken = Effect.fail(new SimilarityError({ message: "no model" }));
      const order = yield* dispensableFirst(lessons, task).pipe(
        Effect.provideService(Similarity, {
          name: "broken",
          alike: () => broken,
          relevance: () => broken,
        }),
      );
      assert.deepStrictEqual(ids(order), ids(leastUsefulFirst(lessons)));
    }),
  );
});
