import { assert, describe, it } from "@effect/vitest";
import { initialize, parameterSpecs } from "@resd/models";
import { makeInterpreterCompute } from "@resd/testing";
import { Effect } from "effect";
import { putArrays } from "./arrays.ts";
import { TINY, tokens } from "./fixtures/tiny_model.ts";
import { makePrograms } from "./programs.ts";
import { scoreBatch } from "./score.ts";

describe("scoreBatch()", () => {
  it.effect("says the same in chunks of rows, the most probable tokens included", () =>
    Effect.gen(function* () {
      const compute = makeInterpreterCompute();
      const weights = initialize(TINY, 5);
      const arrays = yield* putArrays(compute, parameterSpecs(TINY), ({ name }) =>
        weights.get(name)!,
      );
      const items = [3, 9, 14].map((length, i) => ({
        ids: tokens(`score ${i}`, length),
        from: 1 + i,
        as: "student" as const,
        topK: 3,
      }));
      const context = { programs: makePrograms(compute), config: TINY, microBatchTokens: 64 };
      const scoresBy = (rows?: number) =>
        scoreBatch({ ...context, ...(rows === undefined ? {} : { rows }) }, items, () =>
          Effect.succeed({ arrays, version: "" }),
        );
      const whole = yield* scoresBy();
      assert.deepEqual(
        whole.map(({ logProbs }) => logProbs.length),
        [2, 7, 11],
      );
      for (const rows of [1, 5, 8]) assert.deepEqual(yield* scoresBy(rows), whole);
    }),
  );
});
