import { assert, describe, it } from "@effect/vitest";
import { makeRandom } from "@resd/core";
import { Effect } from "effect";
import { mergeOperations, nearDuplicates } from "./near_duplicates.ts";
import { applyOperations } from "./operations.ts";
import { emptyState } from "./state.ts";
import { applyTags } from "./tagging.ts";

const lessons = [
  ["others", "Check the carry before you round."],
  ["COMMON MISTAKES TO AVOID", "Never search a list that is not sorted."],
  ["others", "Check the carry, before you round!"],
  ["others", "Sort before searching."],
  ["others", "check the carry before rounding"],
  ["others", "Never search a list which is not sorted."],
] as const;
const state = applyTags(
  applyOperations(
    emptyState,
    lessons.map(([section, text]) => ({ _tag: "Add", section, text })),
  ).state,
  [
    { entry: "misc-00001", sign: "helpful" },
    { entry: "misc-00003", sign: "helpful" },
    { entry: "misc-00003", sign: "harmful" },
  ],
).state;
const groupsOf = (threshold: number, fresh?: ReadonlyArray<string>) =>
  Effect.map(nearDuplicates(state.entries, { threshold }, fresh && new Set(fresh)), (groups) =>
    groups.map((group) => group.map(({ id }) => id)),
  );

describe("nearDuplicates", () => {
  it.effect("nearDuplicates() groups what says the same behind its oldest entry", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* groupsOf(0.6), [
        ["misc-00001", "misc-00003", "misc-00005"],
        ["err-00002", "misc-00006"],
      ]);
      assert.deepStrictEqual(yield* groupsOf(1), [["misc-00001", "misc-00003"]]);
    }),
  );

  it.effect("nearDuplicates() compares only pairs with a fresh entry", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* groupsOf(0.6, ["misc-00006"]), [["err-00002", "misc-00006"]]);
      assert.deepStrictEqual(yield* groupsOf(0.6, []), []);
    }),
  );

  it.effect(
    "mergeOperations() keeps id and words of the oldest, with the credit and origins of all",
    () =>
      Effect.gen(function* () {
        const merge = mergeOperations(yield* nearDuplicates(state.entries, { threshold: 0.6 }));
        const merged = applyOperations(state, merge, { update: 7, by: "duplicates" }).state;
        assert.deepStrictEqual(
          merged.entries.map(({ id, text, helpful, harmful }) => [id, text, helpful, harmful]),
          [
            ["err-00002", "Never search a list that is not sorted.", 0, 0],
            ["misc-00001", "Check the carry before you round.", 1, 1],
            ["misc-00004", "Sort before searching.", 0, 0],
          ],
        );
        assert.deepStrictEqual(
          merged.entries[1]?.origins?.map(({ entry, made, by }) => `${entry} ${made} by ${by}`),
          [
            "misc-00001 added by person",
            "misc-00003 added by person",
            "misc-00005 added by person",
            "misc-00001 merged by duplicates",
          ],
        );
      }),
  );

  it.effect("nearDuplicates() puts no entry into two groups, whatever is alike", () =>
    Effect.gen(function* () {
      const random = makeRandom("near duplicates");
      const words = ["carry", "round", "digit", "sort", "list"];
      for (let i = 0; i < 50; i++) {
        const some = Array.from({ length: 30 }, () => ({
          _tag: "Add" as const,
          section: "others",
          text: Array.from({ length: 4 }, () => random.pick(words)).join(" "),
        }));
        const { entries } = applyOperations(emptyState, some).state;
        const groups = yield* nearDuplicates(entries, { threshold: 0.3 + 0.7 * random.next() });
        const grouped = groups.flat().map(({ id }) => id);
        assert.strictEqual(new Set(grouped).size, grouped.length);
        for (const group of groups) assert.isAbove(group.length, 1);
      }
    }),
  );
});
