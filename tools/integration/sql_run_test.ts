import { assert, layer } from "@effect/vitest";
import { Environment, Format, Policy, type ToolSpec } from "@resd/core";
import * as sql from "@resd/env-sql";
import { type ChatTemplate, chatFormat } from "@resd/resd";
import { type ScriptedRequest, makeScriptedPolicy, writeChatModel } from "@resd/testing";
import { Effect, Layer } from "effect";
import { readRunFiles } from "./_run_files.ts";
import { trainShort } from "./_short_run.ts";
import { Workplace, place } from "./_workplace.ts";

const OPTIONS = { trainSize: 2, testSize: 1, seed: 5 };

/** One update on all tasks, two attempts each. */
const FLAGS = {
  preset: "paper/base",
  "environment.use": "sql",
  ...Object.fromEntries(
    Object.entries(OPTIONS).map(([key, value]) => [`environment.options.${key}`, String(value)]),
  ),
  "resd.updates": "1",
  "resd.updatesPerBatch": "1",
  "resd.batchSize": "2",
  "resd.rolloutsPerPrompt": "2",
  "resd.evaluation.samples": "1",
  "resd.evaluation.every": "1",
};

/** ChatML, which knows nothing of tools. */
const chatml: ChatTemplate = (messages, { reply }) => [
  ...messages.flatMap(({ role, content }) => [
    { control: "<|im_start|>" },
    { text: `${role}\n${content}` },
    { control: "<|im_end|>" },
    { text: "\n" },
  ]),
  ...(reply ? [{ control: "<|im_start|>" }, { text: "assistant\n" }] : []),
];

const call = (name: string, query: string): string =>
  `<tool_call>\n${JSON.stringify({ name, arguments: { query } })}\n</tool_call>`;

/** The questions of both splits with the queries that answer them. */
const gold = Effect.gen(function* () {
  const { tasks } = yield* Environment;
  const rows = yield* Effect.all([
    tasks("train").get(0),
    tasks("train").get(1),
    tasks("test").get(0),
  ]);
  return new Map(
    rows.map(({ task, gold: right }) => [(task as { text: string }).text, right!.content]),
  );
}).pipe(Effect.provide(sql.layer(OPTIONS)));

const LESSON = "Look at the tables before you answer.";
const WRONG = "SELECT name FROM ports WHERE id < 3";

/**
 * Looks first, then answers: of the attempts at a question every second one is right. Asked about failures, it writes
 * what the formats ask for.
 */
const replies = (answers: ReadonlyMap<string, string>) => {
  const attempts = new Map<string, number>();
  const begun = new Map<string, number>();
  return ({ text, request }: ScriptedRequest): string => {
    if (text.includes("An attempt at the task below failed")) {
      return JSON.stringify({ reasoning: "r", key_insight: LESSON, bullet_tags: [] });
    }
    if (text.includes("You keep a playbook")) {
      const operation = { type: "ADD", section: "OTHERS", content: LESSON };
      return JSON.stringify({ reasoning: "r", operations: [operation] });
    }
    if (text.includes("The attempt at the task below is correct")) return '{"bullet_tags": []}';
    if (!text.includes("<tool_response")) {
      return `I look first.\n${call("run_sql", "SELECT name, region FROM ports")}`;
    }
    const question = /Question: ([^\n]*?)(?=<|\n|user|$)/.exec(text)?.[1]?.trim() ?? "";
    const known = [...answers.keys()].find((one) => question.startsWith(one)) ?? "";
    const attempt = begun.get(request.id) ?? attempts.get(known) ?? 0;
    if (!begun.has(request.id)) {
      begun.set(request.id, attempt);
      attempts.set(known, attempt + 1);
    }
    return call("answer", attempt % 2 === 0 ? answers.get(known)! : WRONG);
  };
};

layer(place, { excludeTestServices: true, timeout: 120_000 })("a run with tools", (it) => {
  it.effect(
    "run() lets a policy look and answer, and teaches it from what the database said",
    () =>
      Effect.gen(function* () {
        const policy = makeScriptedPolicy({
          replies: replies(yield* gold),
          end: "<|im_end|>",
          info: { format: "chat" },
        });
        const summary = yield* trainShort({
          name: "sql-scripted",
          flags: FLAGS,
          layers: {
            policy: Layer.succeed(Policy, policy),
            format: Layer.succeed(Format, chatFormat(chatml)),
          },
        });
        assert.deepInclude(summary, { outcome: "finished", updates: 1 });
        const { rollouts, operations } = yield* readRunFiles(summary.folder);
        const lines = [...rollouts.values()].flat();
        assert.lengthOf(lines, 4);
        assert.deepStrictEqual(
          lines.map(({ success }) => success),
          [true, false, true, false],
        );
        for (const line of lines) {
          assert.deepStrictEqual(
            line.actions.map(({ content, toolCalls }) => [content, toolCalls?.[0]?.name]),
            [
              ["I look first.", "run_sql"],
              ["", "answer"],
            ],
          );
          assert.include(line.results[0]?.observation[0]?.content ?? "", "Aldra | north");
          assert.deepStrictEqual(
            line.tools?.map(({ name }: ToolSpec) => name),
            ["run_sql", "answer"],
          );
          assert.include(line.studentPrompt, "You can use the tools below");
          assert.include(line.teacherPrompt ?? "", "You can use the tools below");
          assert.notInclude(line.studentPrompt, LESSON);
          // What was said is all that is trained: two replies, each with its end.
          const spoken = line.ids.slice(line.from).filter((_, i) => line.mask[i] === 1);
          assert.strictEqual(
            policy.decode(Int32Array.from(spoken)),
            line.actions
              .map(({ content, toolCalls }) =>
                [
                  content,
                  call(toolCalls![0]!.name, (toolCalls![0]!.arguments as { query: string }).query),
                ]
                  .filter((part) => part !== "")
                  .join("\n"),
              )
              .join(""),
          );
        }
        const [, failed] = lines;
        assert.match(failed!.feedback, /^Turn 2:\nPassed 0 of 2 tests\.[^]*Expected \d+/);
        assert.include(failed!.teacherPrompt ?? "", call("answer", WRONG));
        assert.include(failed!.reflection?.text ?? "", LESSON);
        // The one that was right beside it is shown as the solution.
        assert.include(failed!.teacherPrompt ?? "", "<correct_solution>");
        assert.isTrue(operations.some(({ change }) => JSON.stringify(change).includes(LESSON)));
        const [update] = policy.updates();
        assert.lengthOf(update!.batch, 4);
        for (const { student, teacher } of update!.batch) {
          assert.deepStrictEqual(
            teacher?.ids.subarray(teacher.from),
            student.ids.subarray(student.from),
          );
        }
        // Every prompt of a second turn begins with all tokens before it.
        for (const line of lines) {
          const prompts = policy
            .requests()
            .filter(({ request }) => request.id === line.id)
            .map(({ request }) => [...request.prompt]);
          assert.lengthOf(prompts, 2);
          assert.deepStrictEqual(line.ids.slice(0, prompts[1]!.length), prompts[1]);
          assert.deepStrictEqual(prompts[1]!.slice(0, prompts[0]!.length), prompts[0]);
        }
      }),
    120_000,
  );

  it.effect(
    "run() trains a chat model that has not yet found out what a tool is",
    () =>
      Effect.gen(function* () {
        const { folder } = yield* Workplace;
        const model = `${folder}/sql-model`;
        yield* writeChatModel(model, { seed: 3, config: { max_position_embeddings: 6144 } });
        const summary = yield* trainShort({
          name: "sql-chat",
          flags: {
            ...FLAGS,
            model,
            "environment.options.trainSize": "1",
            "resd.batchSize": "1",
            "resd.rolloutsPerPrompt": "1",
            "environment.options.glossary": "false",
            "resd.limits.maxTurns": "2",
            "resd.sampling.rollout.maxTokens": "6",
            "resd.sampling.evaluate.maxTokens": "6",
            "resd.sampling.reflect.maxTokens": "8",
            "resd.lr": "0.001",
            "resd.warmup.updates": "0",
          },
        });
        assert.deepInclude(summary, { outcome: "finished", updates: 1 });
        const { rollouts, metrics } = yield* readRunFiles(summary.folder);
        const lines = [...rollouts.values()].flat();
        assert.lengthOf(lines, 1);
        for (const line of lines) {
          assert.lengthOf(line.actions, 2);
          assert.include(line.results[0]?.observation[0]?.content ?? "", "no tool was called");
          assert.strictEqual(line.results[1]?.status, "truncated");
          assert.include(line.feedback, "not ended within 2 turns");
          assert.include(line.studentPrompt, "run_sql");
          const masks = line.mask.join("").match(/1+|0+/g) ?? [];
          assert.deepStrictEqual(
            masks.map((run) => run[0]),
            ["1", "0", "1"],
          );
        }
        const update = metrics.find(({ type }) => type === "update");
        assert.isAbove(Number(update?.["gradNorm"]), 0);
        assert.isBelow(Number(update?.["logProbGap"]), 1e-4);
      }),
    120_000,
  );
});
