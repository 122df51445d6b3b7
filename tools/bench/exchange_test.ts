import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { mustAgree } from "./exchange.ts";

describe("mustAgree()", () => {
  it.effect("accepts what differs by rounding, relative to large values", () =>
    mustAgree("losses", [1.0005, 2000.9], [1, 2000]),
  );

  it.effect("refuses other values, other lengths and values that are no numbers", () =>
    Effect.gen(function* () {
      const wrong = yield* Effect.flip(mustAgree("losses", [1, 2], [1, 2.1]));
      assert.include(wrong.message, "Expected losses to agree within 0.001, got 2 (ours) and 2.1");
      const short = yield* Effect.flip(mustAgree("losses", [1, 2], [1]));
      assert.include(short.message, "Expected as many values of losses as ours (2), got 1");
      yield* Effect.flip(mustAgree("losses", [Number.NaN], [1]));
    }),
  );
});
