import { assert, describe, it } from "@effect/vitest";
import {
  Environment,
  EnvironmentTaskError,
  Reflector,
  type EnvironmentShape,
  type TaskRow,
  type View,
  defineEnvironment,
  emptyView,
  singleTurn,
  taskSource,
} from "@resd/core";
import { attemptOf, reflectorLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect, Layer, Schema } from "effect";
import { layer } from "./mod.ts";

type Rules = NonNullable<EnvironmentShape<string>["reflect"]>;

/** Says how the answer differs from the word that was wanted; knows entries by their text. */
const rules: Rules = (row, actions, _results, view = emptyView) => {
  const said = actions.at(-1)?.content ?? "";
  const lesson = `${row.task} is spelled ${row.task}`;
  return {
    text: `wanted ${row.task}, got ${said.length} characters`,
    insight: lesson,
    tags: [
      ...view.entries.map(({ id, text }) => ({
        entry: id,
        sign: text === lesson ? ("helpful" as const) : ("neutral" as const),
      })),
      { entry: "misc-99999", sign: "harmful" },
    ],
    parse: "ok",
  };
};

const rowOf = (split: string, i: number): TaskRow<string> => ({
  key: `words/${split}/${i}`,
  task: `word${i}`,
  problem: `Write word ${i}.`,
});

const words = (reflect: Rules | undefined, infinite = false) =>
  defineEnvironment({
    manifest: {
      apiVersion: "resd/1",
      id: "words",
      turns: "single",
      reward: { min: 0, max: 1 },
      determinism: "pure",
      splits: {
        train: { size: infinite ? "infinite" : 3, license: "CC0-1.0" },
        heldOut: { size: 2, license: "CC0-1.0" },
      },
      feedback: { tests: false, leakage: "none", maxChars: 100 },
      needs: [],
      gold: false,
    },
    options: Schema.Struct({}),
    task: Schema.String,
    make: () =>
      Effect.succeed({
        ...singleTurn<string>({
          tasks: (split) =>
            infinite && split === "train"
              ? {
                  size: "infinite",
                  get: (i) =>
                    i === 1
                      ? Effect.fail(new EnvironmentTaskError({ message: "torn", taskKey: "1" }))
                      : Effect.succeed(rowOf(split, i)),
                }
              : taskSource(
                  Array.from({ length: split === "train" ? 3 : 2 }, (_, i) => rowOf(split, i)),
                ),
          prompt: ({ problem }) => [{ role: "user", content: problem }],
          grade: () => Effect.succeed({ reward: 0, success: false, parse: "ok" }),
        }),
        ...(reflect === undefined ? {} : { reflect }),
      }),
  }).layer({});

const attempts = [0, 1, 2].map((i) => ({
  ...attemptOf({ id: `a${i}`, problem: `Write word ${i}.`, answer: `wrod${i}` }),
  taskKey: `words/${i === 2 ? "heldOut/1" : `train/${i}`}`,
}));
const view: View = {
  version: 1,
  updateCount: 1,
  entries: ["word0 is spelled word0", "word7 is spelled word7"].map((text, i) => ({
    id: `misc-0000${i + 1}`,
    section: "OTHERS",
    text,
    helpful: 0,
    harmful: 0,
    createdAt: 0,
    lastTaggedAt: 0,
  })),
};
const reflector = (environment: Layer.Layer<Environment, unknown>) =>
  Effect.provide(Reflector, Layer.provide(layer({}), environment));

describe("reflector-rules", () => {
  registerLaws(
    reflectorLaws(layer({}).pipe(Layer.provide(words(rules))), {
      failures: attempts,
      successes: attempts.slice(1),
      view,
    }),
  );

  it.effect("reflect() hands row, actions and view to the rules, and asks no model", () =>
    Effect.gen(function* () {
      const { reflect, credit, freeText } = yield* reflector(words(rules));
      assert.isFalse(freeText);
      const { reflections, use } = yield* reflect(attempts, view, { update: 0 });
      assert.deepStrictEqual(
        reflections.map(({ text, insight }) => [text, insight]),
        [
          ["wanted word0, got 5 characters", "word0 is spelled word0"],
          ["wanted word1, got 5 characters", "word1 is spelled word1"],
          ["wanted word1, got 5 characters", "word1 is spelled word1"],
        ],
      );
      assert.deepStrictEqual(reflections[0]?.tags, [
        { entry: "misc-00001", sign: "helpful" },
        { entry: "misc-00002", sign: "neutral" },
      ]);
      assert.deepStrictEqual(use, { modelCalls: 0, generatedTokens: 0 });
      const { tags, parse } = yield* credit(attempts, view, { update: 0 });
      assert.deepStrictEqual(
        tags,
        reflections.map((reflection) => reflection.tags),
      );
      assert.deepStrictEqual(parse, ["ok", "ok", "ok"]);
    }),
  );

  it.effect("reflect() finds tasks of an infinite split, and skips attempts at unknown ones", () =>
    Effect.gen(function* () {
      const { reflect } = yield* reflector(words(rules, true));
      const far = { ...attempts[0]!, taskKey: "words/train/5000" };
      const stranger = { ...attempts[0]!, taskKey: "elsewhere" };
      const { reflections } = yield* reflect([far, stranger, attempts[0]!], view, { update: 0 });
      assert.deepStrictEqual(
        reflections.map(({ text, parse }) => [text, parse]),
        [
          ["wanted word5000, got 5 characters", "ok"],
          ["", "skipped"],
          ["wanted word0, got 5 characters", "ok"],
        ],
      );
    }),
  );

  it.effect("layer() refuses an environment without rules, and reflect() rules that throw", () =>
    Effect.gen(function* () {
      const none = yield* Effect.flip(reflector(words(undefined)));
      assert.include(String(none), "Expected an environment that reflects by rules");
      const { reflect } = yield* reflector(
        words(() => {
          throw new Error("no rule");
        }),
      );
      const error = yield* Effect.flip(reflect(attempts, view, { update: 0 }));
      assert.strictEqual(error._tag, "ReflectorError");
      assert.include(error.message, "no rule");
    }),
  );
});
