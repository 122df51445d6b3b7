import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { lexicalSimilarity } from "./similarity.ts";

const alike = (a: string, b: string) =>
  Effect.map(lexicalSimilarity.alike([a], [b]), (rows) => rows[0]?.[0] ?? Number.NaN);

describe("lexicalSimilarity", () => {
  it.effect.each([
    ["Check the carry before rounding.", "Check the carry, before rounding!", 1, 1],
    ["Check the carry before rounding.", "check the carries before rounding", 0.7, 0.95],
    ["Check the carry before rounding.", "Sort the list first.", 0, 0.15],
    ["square is ROK", "square is PEF", 0, 0],
    ["Retry at most 3 times.", "Retry at most 4 times.", 0, 0],
    ["Always round the total.", "Never round the total.", 0, 0],
    ["Don't round the total.", "Round the total.", 0, 0],
    ["", "", 1, 1],
    ["🦅", "🦅", 1, 1],
  ] as const)("alike() of %j and %j lies between %d and %d", ([a, b, low, high]) =>
    Effect.gen(function* () {
      const value = yield* alike(a, b);
      assert.isAtLeast(value, low);
      assert.isAtMost(value, high);
      assert.strictEqual(value, yield* alike(b, a));
    }),
  );

  it.effect("relevance() rises with the rare words that a lesson shares with the task", () =>
    Effect.gen(function* () {
      const [carry, list, none] = yield* lexicalSimilarity.relevance(
        "Add 17 and 25 and show the carry of each digit.",
        [
          "The carry of a digit goes to the next one.",
          "The list has to be sorted.",
          "Water boils at sea level.",
        ],
      );
      assert(carry !== undefined && list !== undefined && none !== undefined);
      assert.isAbove(carry, list);
      assert.isAbove(list, none);
      assert.strictEqual(none, 0);
    }),
  );

  it.effect("relevance() and alike() take texts of a megabyte, and no texts", () =>
    Effect.gen(function* () {
      const long = "a long lesson about carries ".repeat(40_000);
      assert.strictEqual((yield* lexicalSimilarity.relevance(long, [long]))[0], 1);
      assert.strictEqual((yield* lexicalSimilarity.alike([long], [long]))[0]?.[0], 1);
      assert.strictEqual((yield* lexicalSimilarity.relevance("x", [])).length, 0);
      assert.deepStrictEqual(yield* lexicalSimilarity.alike([], ["x"]), []);
    }),
  );
});
