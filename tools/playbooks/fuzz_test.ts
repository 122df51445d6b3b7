import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { fuzz } from "./fuzz.ts";

describe("fuzz", () => {
  it.effect(
    "fuzz() breaks no playbook, whatever a model says, and every reply is read somehow",
    () =>
      Effect.gen(function* () {
        const { replies, outcomes, entries, largest } = yield* fuzz({ replies: 1500, seed: 1 });
        const read = Object.entries(outcomes).filter(([name]) => !name.endsWith(" skipped"));
        assert.strictEqual(
          read.reduce((sum, [, count]) => sum + count, 0),
          replies,
        );
        for (const outcome of ["ok", "repaired", "malformed", "empty", "truncated"]) {
          assert.isAbove(outcomes[`reflect ${outcome}`] ?? 0, 0, outcome);
          assert.isAbove(outcomes[`curate ${outcome}`] ?? 0, 0, outcome);
        }
        assert.isAbove(entries, 50);
        assert.isAtLeast(largest, 6);
      }),
    120_000,
  );
});
