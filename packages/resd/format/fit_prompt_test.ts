import { assert, describe, it } from "@effect/vitest";
import type { Entry, Prompt } from "@resd/core";
import { Effect } from "effect";
import { fitPrompt } from "./fit_prompt.ts";

const entryOf = (name: string, helpful: number, harmful: number, lastTaggedAt: number): Entry => ({
  id: name,
  section: "OTHERS",
  text: name,
  helpful,
  harmful,
  createdAt: 0,
  lastTaggedAt,
});
const entries = [
  entryOf("helpful-old", 2, 0, 1),
  entryOf("unused", 0, 0, 5),
  entryOf("harmful", 1, 1, 9),
  entryOf("helpful-new", 1, 0, 8),
];

/** A prompt of 10 tokens and 10 more for each entry; tokens are counted in characters. */
const render = (kept: ReadonlyArray<Entry>): Prompt => [
  { text: ".".repeat(10 + 10 * kept.length) },
];
let encoded = 0;
const encode = (prompt: Prompt) =>
  Effect.sync(() => {
    encoded++;
    return new Int32Array(
      prompt.reduce((sum, segment) => sum + ("text" in segment ? segment.text.length : 1), 0),
    );
  });
const fit = (budget: number, list: ReadonlyArray<Entry> = entries) =>
  Effect.map(fitPrompt(encode, budget, list, render), (fitted) =>
    fitted?.entries.map((entry) => entry.id),
  );

describe("fitPrompt()", () => {
  it.effect("fitPrompt() keeps as many entries as fit, in their order", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* fit(50), ["helpful-old", "unused", "harmful", "helpful-new"]);
      assert.deepStrictEqual(yield* fit(49), ["helpful-old", "unused", "helpful-new"]);
      assert.deepStrictEqual(yield* fit(30), ["helpful-old", "helpful-new"]);
      assert.deepStrictEqual(yield* fit(29), ["helpful-old"]);
      assert.deepStrictEqual(yield* fit(10), []);
      assert.isUndefined(yield* fit(9));
      assert.isUndefined(yield* fit(9, []));
    }),
  );

  it.effect("fitPrompt() encodes a prompt a few times only, when the playbook is large", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 1000 }, (_, i) => entryOf(`e${i}`, 1, 0, i));
      encoded = 0;
      const kept = yield* fit(10 + 10 * 333, many);
      assert.strictEqual(kept?.length, 333);
      assert.strictEqual(kept?.[0], "e667");
      assert.isAtMost(encoded, 13);
      encoded = 0;
      yield* fit(100_000, many);
      assert.strictEqual(encoded, 1);
    }),
  );
});
