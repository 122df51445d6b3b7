import {
  Environment,
  type EpisodeContext,
  RunSeed,
  hashName,
  type TaskRow,
  renderFeedback,
} from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, Layer } from "effect";
import { MNEMONICS } from "./language/mod.ts";
import { layer, manifest } from "./mod.ts";

type Row = TaskRow<unknown>;
const SPLITS = ["train", "heldOut"] as const;
const context: EpisodeContext = {
  episodeId: "test",
  seed: 1,
  group: { index: 0, size: 1 },
  limits: { maxTurns: 1, stepTimeout: Duration.seconds(1), maxObservationChars: 1000 },
};

/** Every row of a split of the environment in context. */
const rowsOf = Effect.fnUntraced(function* (split: string) {
  const source = (yield* Environment).tasks(split);
  return yield* Effect.forEach(Array.from({ length: Number(source.size) }).keys(), source.get);
});
const play = Effect.fnUntraced(function* (row: Row, content: string) {
  const episode = yield* (yield* Environment).open(row, context);
  return { initial: episode.initial, result: yield* episode.step({ content, stop: "eos" }) };
}, Effect.scoped);
const goldOf = (row: Row): string => row.gold?.content ?? "";

describe("env-kestrel", () => {
  it.effect("layer() gives 256 training and 64 held-out tasks, and no plan is in both", () =>
    Effect.gen(function* () {
      const train = yield* rowsOf("train");
      const heldOut = yield* rowsOf("heldOut");
      assert.deepStrictEqual([train.length, heldOut.length], [256, 64]);
      assert.strictEqual(new Set([...train, ...heldOut].map((row) => row.problem)).size, 320);
      assert.strictEqual(new Set([...train, ...heldOut].map((row) => row.key)).size, 320);
    }).pipe(Effect.provide(layer({ seed: 1 }))),
  );

  it.effect("layer() keeps the tasks of a split when the size of the other one changes", () =>
    Effect.gen(function* () {
      const both = Effect.forEach(SPLITS, rowsOf);
      const [train, heldOut] = yield* Effect.provide(both, layer({ seed: 4 }));
      const sizes = { trainSize: 10, heldOutSize: 100 };
      const [fewer, more] = yield* Effect.provide(both, layer({ seed: 4, ...sizes }));
      assert.deepStrictEqual(fewer, train?.slice(0, 10));
      assert.deepStrictEqual(more?.slice(0, 64), heldOut);
    }),
  );

  it.effect("layer() makes the same tasks in every process: these names are frozen", () =>
    Effect.gen(function* () {
      const rows = yield* Effect.forEach(SPLITS, rowsOf);
      assert.strictEqual(hashName(JSON.stringify(rows)), "f4be76a8ae8c9bae6f59ba6ffa91f8c8");
    }).pipe(Effect.provide(layer({ seed: 1 }))),
  );

  it.effect("layer() takes the seed of the run when it is given none", () =>
    Effect.gen(function* () {
      const own = yield* Effect.provide(rowsOf("train"), layer({ seed: 9 }));
      const run = yield* Effect.provide(
        rowsOf("train"),
        layer({}).pipe(Layer.provide(Layer.succeed(RunSeed, 9))),
      );
      const other = yield* Effect.provide(rowsOf("train"), layer({}));
      assert.deepStrictEqual(run, own);
      assert.notDeepEqual(other, own);
    }),
  );

  it.effect("layer() refuses sizes and names that it does not know, all at once", () =>
    Effect.gen(function* () {
      const bad = { trainSize: 0, level: "hard", colour: 1 } as unknown as { trainSize: number };
      const error = yield* Effect.flip(Effect.provide(rowsOf("train"), layer(bad)));
      for (const word of ["trainSize", "level", "colour"]) assert.include(error.message, word);
    }),
  );

  it.effect("tasks() of an unknown split is empty and says which splits there are", () =>
    Effect.gen(function* () {
      const source = (yield* Environment).tasks("test");
      assert.strictEqual(source.size, 0);
      assert.include(
        (yield* Effect.flip(source.get(0))).message,
        '"train", "heldOut" or "validation"',
      );
    }).pipe(Effect.provide(layer({}))),
  );

  for (const level of ["classic", "siblings"] as const) {
    it.effect(`open() rewards the gold program of every ${level} task, and shows no mnemonic`, () =>
      Effect.gen(function* () {
        for (const split of SPLITS) {
          for (const row of yield* rowsOf(split)) {
            const { initial, result } = yield* play(row, goldOf(row));
            assert.deepStrictEqual(initial, [{ role: "user", content: row.problem }]);
            assert.isFalse(MNEMONICS.some((mnemonic) => row.problem.includes(mnemonic)));
            assert.deepInclude(result, { reward: 1, success: true, parse: "ok" });
            assert.deepStrictEqual(
              result.tests?.map((test) => test.status),
              ["passed", "passed", "passed"],
            );
          }
        }
      }).pipe(Effect.provide(layer({ seed: 2, level }))),
    );
  }

  it.effect("step() answers the same when the gold programs are taken out of all tasks", () =>
    Effect.gen(function* () {
      const rows = yield* rowsOf("train");
      for (const [i, { gold: _, ...row }] of rows.entries()) {
        const full = rows[i] as Row;
        for (const text of [
          goldOf(full),
          goldOf(rows[(i + 1) % rows.length] as Row),
          "",
          "10: flip",
        ]) {
          assert.deepStrictEqual(yield* play(row, text), yield* play(full, text));
        }
      }
    }).pipe(Effect.provide(layer({ seed: 3 }))),
  );

  it.effect(
    "step() reports every case of a failure with its trace, and shows the first failing one",
    () =>
      Effect.gen(function* () {
        let failures = 0;
        for (const row of yield* rowsOf("train")) {
          // The same lines in the wrong words: each mnemonic's neighbour in the alphabet of its group.
          const wrong = goldOf(row)
            .replaceAll("KEL", "ZUB")
            .replaceAll("VAX", "QUO")
            .replaceAll("OUX", "WYN")
            .replaceAll("JAL", "PEF");
          const { result } = yield* play(row, wrong);
          assert.strictEqual(result.parse, "ok");
          assert.isTrue(result.tests?.every((test) => test.visibility === "public"));
          for (const test of result.tests ?? []) {
            assert.match(
              `${test.input} want ${test.expected} got ${test.actual} ${test.debug}`,
              /^x \d want \d \w+ got \d \w+ trace( \d){3,4}$/,
            );
          }
          if (result.success === true) continue;
          failures++;
          assert.strictEqual(result.reward, 0);
          assert.strictEqual(
            result.cases?.[0],
            result.tests?.find((test) => test.status === "failed")?.id,
          );
          assert.isBelow(
            renderFeedback(result, { maxCases: 3, maxChars: 1e6 }).length,
            manifest.feedback.maxChars,
          );
        }
        assert.isAbove(failures, 100);
      }).pipe(Effect.provide(layer({ seed: 5 }))),
  );

  it.effect(
    "step() answers a program that cannot be read with its line first, and with no failing case",
    () =>
      Effect.gen(function* () {
        const [row] = yield* rowsOf("train");
        const { result } = yield* play(row as Row, "10: flip JAL 20: disk");
        assert.deepInclude(result, { reward: 0, success: false, parse: "malformed" });
        assert.deepStrictEqual(result.feedback?.parts[0], { kind: "format", text: "error 20:" });
        assert.include(result.feedback?.parts[1]?.text, "Expected a mnemonic, got the end");
        assert.isTrue(
          result.tests?.every((test) => test.status === "skipped" && test.debug === undefined),
        );
        assert.strictEqual((yield* play(row as Row, " \n")).result.parse, "no_answer");
      }).pipe(Effect.provide(layer({}))),
  );

  it.effect("step() says that an answer was cut off, after what the bench says", () =>
    Effect.gen(function* () {
      const [row] = yield* rowsOf("train");
      const { parts } = yield* Effect.scoped(
        Effect.gen(function* () {
          const episode = yield* (yield* Environment).open(row as Row, context);
          const result = yield* episode.step({ content: "10: flip", stop: "max_tokens" });
          return result.feedback ?? { parts: [] };
        }),
      );
      assert.strictEqual(parts[0]?.text, "error 10:");
      assert.strictEqual(parts.at(-1)?.kind, "truncated");
    }).pipe(Effect.provide(layer({}))),
  );
});
