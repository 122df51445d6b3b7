import { NodeServices } from "@effect/platform-node";
import { type Action, Environment, type EpisodeContext, renderFeedback } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Duration, Effect, FileSystem, Layer, Path } from "effect";
import { grade } from "./grade.ts";
import * as finer from "./mod.ts";

const { layer } = finer;

const LABELS = ["Goodwill", "DebtInstrumentTerm", "LineOfCredit", "Goodwill"] as const;
const graded = (content: string, stop: Action["stop"] = "eos") =>
  grade({ context: "?", labels: LABELS }, { content, stop });
const shown = (content: string, stop?: Action["stop"]) =>
  renderFeedback(
    { ...graded(content, stop), observation: [], status: "terminated" },
    { maxCases: 9, maxChars: 1e6 },
  );

const context: EpisodeContext = {
  episodeId: "test",
  seed: 1,
  group: { index: 0, size: 1 },
  limits: { maxTurns: 1, stepTimeout: Duration.seconds(1), maxObservationChars: 1000 },
};

/** A file in a folder that is gone after the test. */
const fileWith = Effect.fnUntraced(function* (name: string, lines: ReadonlyArray<unknown>) {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const file = path.join(yield* fs.makeTempDirectoryScoped({ prefix: "finer-" }), name);
  const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  yield* fs.writeFileString(file, texts.join("\n"));
  return file;
});

const rowsOf = Effect.fnUntraced(function* (split: string) {
  const source = (yield* Environment).tasks(split);
  return yield* Effect.forEach(Array.from({ length: Number(source.size) }).keys(), source.get);
});

describe("grade()", () => {
  const scores: ReadonlyArray<readonly [answer: string, reward: number]> = [
    ["Goodwill,DebtInstrumentTerm,LineOfCredit,Goodwill", 1],
    [" goodwill ,\ndebtinstrumentterm, LINEOFCREDIT,Goodwill ", 1],
    ["Goodwill,DebtInstrumentTerm,LineOfCredit", 0.75],
    ["Goodwill,LineOfCredit,DebtInstrumentTerm,Goodwill", 0.5],
    ["DebtInstrumentTerm,Goodwill,LineOfCredit", 0.25],
    ["LineOfCredit,Goodwill,Goodwill,LineOfCredit", 0],
    ["Goodwill,DebtInstrumentTerm,LineOfCredit,Goodwill,Cash", 1],
    ["", 0],
  ];
  it.each(scores)("credits every tag in its place: %j earns %d", (answer, reward) => {
    const result = graded(`So: <answer>${answer}</answer>`);
    assert.strictEqual(result.reward, reward);
    assert.strictEqual(result.success, reward === 1);
  });

  const answers: ReadonlyArray<readonly [what: string, content: string, reward: number]> = [
    ["the last pair", `<answer>a,b</answer> no, <answer>${LABELS}</answer>`, 1],
    ["nothing inside thinking", `<think><answer>${LABELS}</answer></think>`, 0],
    ["what follows thinking that the prompt opened", `hm</think><answer>${LABELS}</answer>`, 1],
    ["nothing of thinking that never ends", `<think><answer>${LABELS}</answer>`, 0],
    ["nothing without tags", LABELS.join(), 0],
    ["nothing of a pair that is never closed", `<answer>${LABELS}`, 0],
  ];
  it.each(answers)("reads %s", (_, content, reward) => {
    assert.strictEqual(graded(content).reward, reward);
  });

  it("tells the right tags after a wrong answer, and how many were right", () => {
    assert.strictEqual(
      shown("<answer>Goodwill,Goodwill,LineOfCredit,Goodwill</answer>"),
      `Passed 3 of 4 tests.
Test 2 failed:
  expected: DebtInstrumentTerm
  got: Goodwill
[wrong_answer] The answer is partially correct: 3 of 4 tags are right. The correct answer is: ${LABELS}`,
    );
    assert.include(shown("<answer>Cash</answer>"), "completely incorrect. The correct answer is: ");
    assert.include(shown("<answer>Cash</answer>"), "got: (nothing)");
  });

  it("tells a missing answer its form, and an answer that was cut off its length, right or not", () => {
    assert.include(shown("Goodwill"), "[format] Expected the tags between <answer> and </answer>");
    assert.notInclude(shown("Goodwill"), LABELS[1]);
    const right = graded(`<answer>${LABELS}</answer>`, "max_tokens");
    assert.deepInclude(right, { reward: 1, success: true });
    assert.strictEqual(right.feedback?.parts[0]?.kind, "truncated");
    assert.include(shown("<answer>Cash</answer>", "max_tokens"), "[truncated]");
  });

  it("shows tags of an answer on one line, without control characters, and cut", () => {
    const wild = `<answer>a\n\u001B[31mb,${"x".repeat(5000)},\uD83D,😀😀</answer>`;
    const got = graded(wild).tests?.map(({ actual }) => actual) ?? [];
    assert.deepStrictEqual(got, ["a [31mb", `${"x".repeat(90)}…`, "\uFFFD", "😀😀"]);
    assert.isAtMost(shown(wild).length, finer.manifest.feedback.maxChars);
  });

  it("says how well it could read: ok, with another number of tags repaired, without an answer", () => {
    const parses = [LABELS.join(), "Cash", "a,b,c,d,e"].map(
      (answer) => graded(`<answer>${answer}</answer>`).parse,
    );
    assert.deepStrictEqual(parses, ["ok", "repaired", "repaired"]);
    assert.strictEqual(graded("Cash").parse, "no_answer");
  });
});

describe("env-finer", () => {
  it.effect(
    "layer() asks generated questions unless files are named, and says so in their names",
    () =>
      Effect.gen(function* () {
        const [train, test] = [yield* rowsOf("train"), yield* rowsOf("test")];
        assert.deepStrictEqual([train.length, test.length], [256, 64]);
        for (const row of [...train, ...test]) {
          assert.match(row.key, /^finer\/generated\//);
          assert.deepStrictEqual(row.tags, ["generated"]);
        }
        assert.include(train[0]?.problem, "Choose from these tags:");
      }).pipe(Effect.provide(Layer.provide(layer({}), NodeServices.layer))),
  );

  it.effect(
    "layer() reads the rows of two files, in order, and leaves out of training what is tested",
    () =>
      Effect.gen(function* () {
        const row = (question: string, target: string) => ({ context: question, target, id: 7 });
        const train = yield* fileWith("train.jsonl", [
          row("A?", "a, b"),
          "",
          row("B?", "b"),
          row("C?", "c"),
        ]);
        const test = yield* fileWith("test.jsonl", [row("b?", "b")]);
        const rows = yield* Effect.provide(
          Effect.all([rowsOf("train"), rowsOf("test")]),
          layer({ files: { train, test } }),
        );
        assert.deepStrictEqual(
          rows.map((split) => split.map(({ key, problem, gold }) => [key, problem, gold?.content])),
          [
            [
              ["finer/train/1", "A?", "<answer>a,b</answer>"],
              ["finer/train/4", "C?", "<answer>c</answer>"],
            ],
            [["finer/test/1", "b?", "<answer>b</answer>"]],
          ],
        );
      }).pipe(Effect.provide(NodeServices.layer)),
  );

  it.effect("layer() holds out about a fifth of one file, the same rows whatever their order", () =>
    Effect.gen(function* () {
      const lines = Array.from({ length: 200 }, (_, i) => ({
        context: `Question ${i}?`,
        target: "t",
      }));
      const contexts = (file: string) =>
        Effect.provide(
          Effect.map(rowsOf("test"), (rows) => rows.map(({ problem }) => problem)),
          layer({ files: { train: file } }),
        );
      const held = yield* contexts(yield* fileWith("a.jsonl", lines));
      assert.isTrue(held.length > 20 && held.length < 60, String(held.length));
      const again = yield* contexts(yield* fileWith("b.jsonl", lines.toReversed()));
      assert.deepStrictEqual(again.toReversed(), held);
    }).pipe(Effect.provide(NodeServices.layer)),
  );

  it.effect("layer() refuses rows that are none with file, line and field, five at most", () =>
    Effect.gen(function* () {
      const good = { context: "Q?", target: "t" };
      const file = yield* fileWith("bad.jsonl", [
        good,
        { context: "Q?" },
        "{ not json",
        { context: " ", target: "t" },
        { context: "Q?", target: "a,,b" },
        { context: "Q?", target: ["a"] },
        "[1]",
      ]);
      const error = yield* Effect.flip(
        Effect.provide(rowsOf("train"), layer({ files: { train: file } })),
      );
      const lines = error.message.split("\n");
      assert.include(lines[0], "got 6 that are none");
      assert.match(lines[1] ?? "", /bad\.jsonl:2, field target: expected tags .*, got nothing$/);
      assert.match(lines[2] ?? "", /bad\.jsonl:3, the whole row: .*got \{ not json$/);
      assert.match(lines[3] ?? "", /bad\.jsonl:4, field context: .*got " "$/);
      assert.match(
        lines[4] ?? "",
        /bad\.jsonl:5, field target: expected no empty tag, got "a,,b"$/,
      );
      assert.match(lines[5] ?? "", /bad\.jsonl:6, field target: .*got \["a"\]$/);
      assert.strictEqual(lines[6], "and 1 more");
      const empty = yield* fileWith("empty.jsonl", ["\n"]);
      for (const [train, message] of [
        [empty, "got an empty file"],
        [`${empty}.gz`, "correct the option files.train"],
      ] as const) {
        const refused = yield* Effect.flip(
          Effect.provide(rowsOf("train"), layer({ files: { train } })),
        );
        assert.include(refused.message, message);
      }
    }).pipe(Effect.provide(NodeServices.layer)),
  );

  it.effect("tasks() of an unknown split says which splits there are", () =>
    Effect.gen(function* () {
      const environment = yield* Environment;
      const error = yield* Effect.flip(environment.tasks("validation").get(0));
      assert.include(error.message, '"train" or "test"');
      const [row] = yield* rowsOf("test");
      const { initial } = yield* Effect.scoped(environment.open(row!, context));
      assert.include(initial[0]?.content, "between <answer> and </answer>");
    }).pipe(Effect.provide(Layer.provide(layer({}), NodeServices.layer))),
  );
});

describe("env-finer, laws", () => {
  registerLaws(
    environmentLaws(
      finer,
      {},
      {
        nearMisses: ({ gold }) => [
          { content: (gold?.content ?? "").replace(",", ",x"), stop: "eos" },
          {
            content: (gold?.content ?? "").replace(/<answer>(\w+),(\w+)/, "<answer>$2,$1"),
            stop: "eos",
          },
        ],
      },
    ),
    { layer: NodeServices.layer },
  );
});
