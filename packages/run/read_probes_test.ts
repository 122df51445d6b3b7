import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { folderWith, testServices } from "./_host.ts";
import { readProbes } from "./read_probes.ts";

const question = { prompt: "2 + 2?", answer: "4" };
const reading = Effect.fnUntraced(function* (
  lines: ReadonlyArray<unknown>,
  probes: string | boolean = true,
) {
  const text = lines
    .map((line) => (typeof line === "string" ? line : JSON.stringify(line)))
    .join("\n");
  const folder = yield* folderWith({ "model/probes.jsonl": text });
  return yield* readProbes({
    model: `${folder}/model`,
    probes: typeof probes === "string" ? `${folder}/${probes}` : probes,
  });
});

describe("readProbes", () => {
  it.effect("readProbes() reads questions and texts, of the model's folder or of a file", () =>
    Effect.gen(function* () {
      const lines = [question, "", { id: "a", ability: "text", continuation: "some words" }];
      const expected = [
        { id: "line 1", ...question },
        { id: "a", ability: "text", continuation: "some words" },
      ];
      assert.deepStrictEqual(yield* reading(lines), expected);
      assert.deepStrictEqual(yield* reading(lines, "model/probes.jsonl"), expected);
      assert.deepStrictEqual(yield* reading(["no probes"], false), []);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("readProbes() names every line that is no probe, and ids that come twice", () =>
    Effect.gen(function* () {
      const bad = [
        question,
        "{",
        { prompt: "2 + 2?" },
        { ...question, anwser: "4" },
        { ...question, id: "line 1" },
      ];
      const error = yield* Effect.flip(reading(bad));
      assert.deepStrictEqual(
        error.message.split("\n").map((line) => /probes\.jsonl:(\d+)/.exec(line)?.[1]),
        ["2", "3", "4", "5"],
      );
      assert.match(error.message, /Expected an id of its own for each probe, got line 1 again/);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect("readProbes() says what to do where there is no file, or none in it", () =>
    Effect.gen(function* () {
      const none = yield* Effect.flip(reading([question], "other.jsonl"));
      assert.match(
        none.message,
        /Expected a file of probes, got none, at .*other\.jsonl; name one/,
      );
      const empty = yield* Effect.flip(reading([""]));
      assert.match(empty.message, /Expected at least one probe, got none/);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );
});
