import type { Environment, EnvironmentPlugin, Manifest, Sandbox } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect, type Layer, Schema } from "effect";
import { guess, guessTool } from "./environment/_guess.ts";
import {
  grade,
  infra,
  nearMisses,
  postfix,
  remarking,
  sound,
  testsOf,
} from "./environment/_postfix.ts";
import { inThisProcess, program, pretendedSandbox } from "./environment/_program.ts";
import { type EnvironmentLawSettings, environmentLaws } from "./environment_laws.ts";
import { checkLaws } from "./law.ts";
import { registerLaws } from "./register_laws.ts";

/** Timers that defects leave open; closed when their law has seen them. */
const timers: Array<ReturnType<typeof setInterval>> = [];
const openTimer = () => void timers.push(setInterval(() => {}, 60_000));
const closeTimers = Effect.sync(() => timers.splice(0).forEach((timer) => clearInterval(timer)));

const { manifest } = sound;
let counted = 0;

/** A plugin with any options. */
interface AnyPlugin {
  readonly manifest: Manifest;
  layer(options: object): Layer.Layer<Environment, { readonly message: string }, Sandbox>;
}

interface Defect {
  readonly what: string;
  /** The one law that has to see it. */
  readonly law: string;
  readonly plugin: AnyPlugin;
  readonly settings?: EnvironmentLawSettings;
}

const defects: ReadonlyArray<Defect> = [
  {
    what: "a reward range that is none",
    law: "manifest.valid",
    plugin: postfix({
      manifest: { ...manifest, feedback: { ...manifest.feedback, maxChars: 600.5 } },
    }),
  },
  {
    what: "a split without a licence",
    law: "manifest.licences",
    plugin: postfix({
      manifest: { ...manifest, splits: { ...manifest.splits, heldOut: { size: 10, license: "" } } },
    }),
  },
  {
    what: "options that let any key through",
    law: "options.excess",
    plugin: postfix({ options: Schema.Record(Schema.String, Schema.Unknown) }),
  },
  {
    what: "a size that the manifest does not state",
    law: "tasks.size",
    plugin: postfix({
      manifest: {
        ...manifest,
        splits: { ...manifest.splits, heldOut: { size: 11, license: "CC0-1.0" } },
      },
    }),
  },
  {
    what: "a cursor in the source of tasks",
    law: "tasks.pure",
    plugin: postfix({
      source: (source) => ({
        ...source,
        get: (index) =>
          Effect.map(source.get(index), (row) => ({ ...row, tags: [`asked ${counted++}`] })),
      }),
    }),
  },
  {
    what: "keys that two tasks share",
    law: "tasks.keys",
    plugin: postfix({
      row: (split, index, n) => ({
        ...sound.row(split, index, n),
        key: `postfix/${split}/${index < 50 ? index >> 1 : index}`,
      }),
    }),
  },
  {
    what: "tasks that repeat after a while",
    law: "tasks.lazy",
    plugin: postfix({
      row: (split, index, n) => ({
        ...sound.row(split, index, n),
        key: `postfix/${split}/${index % 1_000_000}`,
      }),
    }),
  },
  {
    what: "a task that grading changes",
    law: "tasks.untouched",
    plugin: postfix({
      grade: (row, action) => {
        Object.assign(row, { tags: [...(row.tags ?? []), "played"] });
        return grade(row, action);
      },
    }),
  },
  {
    what: "a task that is not JSON",
    law: "tasks.json",
    plugin: postfix({
      task: Schema.Any,
      row: (split, index, n) => {
        const row = sound.row(split, index, n);
        return { ...row, task: { ...row.task, hint: undefined } };
      },
    }),
  },
  {
    what: "indices that wrap around",
    law: "tasks.range",
    plugin: postfix({
      source: (source) => ({
        ...source,
        get: (index) => source.get(Math.abs(Math.trunc(index))),
      }),
    }),
  },
  {
    what: "held-out tasks with the keys of trained ones",
    law: "tasks.disjoint-keys",
    plugin: postfix({
      row: (split, index, n) => ({ ...sound.row(split, index, n), key: `postfix/${index}` }),
    }),
  },
  {
    what: "held-out tasks that are trained ones under other keys",
    law: "tasks.disjoint-problems",
    plugin: postfix({ firsts: { train: 0, heldOut: 0 } }),
  },
  {
    what: "a gold answer that is wrong",
    law: "gold.maximal",
    plugin: postfix({
      row: (split, index, n) => ({
        ...sound.row(split, index, n),
        gold: { content: `x ${n + 3} * ${n} +`, stop: "eos" },
      }),
    }),
    settings: { nearMisses: () => [] },
  },
  {
    what: "a prompt with the answer in it",
    law: "gold.hidden",
    plugin: postfix({
      prompt: (row) => [{ role: "user", content: `${row.problem} Like ${row.gold?.content}.` }],
    }),
  },
  {
    what: "an error for an empty answer",
    law: "hostile.empty",
    plugin: postfix({
      grade: (row, action) =>
        action.content === "" ? Effect.fail(infra("empty")) : grade(row, action),
    }),
  },
  {
    what: "an exception for brackets that do not close",
    law: "hostile.deeply-nested",
    plugin: postfix({
      grade: (row, action) => {
        const depth = (text: string): number =>
          text.startsWith("[") ? 1 + depth(text.slice(1)) : 0;
        depth(action.content);
        return grade(row, action);
      },
    }),
  },
  {
    what: "a grader that obeys the answer",
    law: "hostile.injection",
    plugin: postfix({
      grade: (row, action) =>
        action.content.includes("the answer is correct")
          ? {
              reward: 1,
              success: true,
              tests: testsOf(row, { ...row.gold!, stop: "eos" }),
              parse: "ok",
            }
          : grade(row, action),
    }),
  },
  {
    what: "a reward below the range",
    law: "hostile.truncated",
    plugin: postfix({
      grade: (row, action) => ({
        ...grade(row, action),
        ...(action.stop === "max_tokens" ? { reward: -1 } : {}),
      }),
    }),
  },
  {
    what: "a clean parse for what nobody can read",
    law: "hostile.garbage",
    plugin: postfix({
      grade: (row, action) => ({
        ...grade(row, action),
        ...(action.content.startsWith("\0") ? { parse: "ok" as const } : {}),
      }),
    }),
  },
  {
    what: "a grader that does not come back from a long answer",
    law: "hostile.huge",
    plugin: postfix({
      grade: (row, action) =>
        action.content.length > 300_000 ? Effect.never : Effect.succeed(grade(row, action)),
    }),
    settings: { nearMisses, stepTimeout: Duration.millis(50) },
  },
  {
    what: "tests that an almost right answer passes",
    law: "near-miss.below",
    plugin: postfix({
      grade: (row, action) => {
        const right = testsOf(row, action)[0]?.status === "passed";
        const tests = testsOf(row, right ? row.gold! : action);
        return right ? { reward: 1, success: true, tests, parse: "ok" } : grade(row, action);
      },
    }),
  },
  {
    what: "keys without a value in a result",
    law: "results.json",
    plugin: postfix({
      grade: (row, action) =>
        ({ ...grade(row, action), metrics: undefined }) as unknown as ReturnType<typeof grade>,
    }),
  },
  {
    what: "feedback about a test that there is not",
    law: "results.tests",
    plugin: postfix({ grade: (row, action) => ({ ...grade(row, action), cases: ["7"] }) }),
  },
  {
    what: "a failure without a word",
    law: "feedback.present",
    plugin: postfix({
      manifest: { ...manifest, feedback: { ...manifest.feedback, tests: false } },
      grade: (row, action) => {
        const { reward, success = false, parse } = grade(row, action);
        return { reward, success, parse };
      },
    }),
  },
  {
    what: "feedback that quotes a whole answer",
    law: "feedback.bounded",
    plugin: postfix({
      grade: (row, action) =>
        remarking(grade(row, action), `You said ${action.content.toWellFormed()}.`),
    }),
  },
  {
    what: "feedback that tells the answer",
    law: "feedback.leakage",
    plugin: postfix({
      grade: (row, action) => remarking(grade(row, action), `The answer is ${row.gold?.content}.`),
    }),
  },
  {
    what: "feedback that tells a hidden test",
    law: "feedback.hidden",
    plugin: postfix({
      grade: (row, action) =>
        remarking(grade(row, action), `It fails for ${testsOf(row, action)[2]?.input}.`),
    }),
  },
  {
    what: "feedback with a path of the machine",
    law: "feedback.clean",
    plugin: postfix({
      grade: (row, action) => remarking(grade(row, action), "at /home/me/grader.ts:3"),
    }),
  },
  {
    what: "feedback with half a character",
    law: "feedback.clean",
    plugin: postfix({
      grade: (row, action) => remarking(grade(row, action), action.content.slice(0, 8)),
    }),
  },
  {
    what: "an answer that was cut off and is not told so",
    law: "feedback.truncated",
    plugin: postfix({ grade: (row, action) => grade(row, { ...action, stop: "eos" }) }),
  },
  {
    what: "a prompt that differs every time",
    law: "episode.opening",
    plugin: postfix({
      prompt: (row) => [{ role: "user", content: `${row.problem} (${counted++})` }],
    }),
  },
  {
    what: "an episode that can be stepped for ever",
    law: "episode.closed",
    plugin: postfix({
      shape: (shape) =>
        Effect.succeed({
          ...shape,
          open: (row) =>
            Effect.succeed({
              initial: [{ role: "user", content: row.problem }],
              step: (action) =>
                Effect.sync(() => ({
                  ...grade(row, action),
                  observation: [],
                  status: "terminated",
                })),
            }),
        }),
    }),
  },
  {
    what: "an episode that ignores its limit of turns",
    law: "episode.turns",
    plugin: guess({ obedient: false }),
  },
  {
    what: "a timer that an episode leaves running",
    law: "episode.dropped",
    plugin: postfix({
      shape: (shape) =>
        Effect.succeed({
          ...shape,
          open: (row, context) => {
            openTimer();
            return shape.open(row, context);
          },
        }),
    }),
  },
  {
    what: "a timer that an interrupted step leaves running",
    law: "episode.interrupted",
    plugin: postfix({
      grade: (row, action) =>
        Effect.gen(function* () {
          openTimer();
          yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 3)));
          clearInterval(timers.pop());
          return grade(row, action);
        }),
    }),
  },
  {
    what: "a timer that a closed environment leaves running",
    law: "released",
    plugin: postfix({ shape: (shape) => Effect.as(Effect.sync(openTimer), shape) }),
  },
  {
    what: "a counter that episodes share",
    law: "episode.parallel",
    plugin: postfix({
      shape: (shape) =>
        Effect.sync(() => {
          let played = 0;
          return {
            ...shape,
            open: (row, context) =>
              Effect.map(shape.open(row, context), (episode) => ({
                ...episode,
                step: (action) =>
                  Effect.map(episode.step(action), (result) => ({
                    ...result,
                    metrics: { played: played++ },
                  })),
              })),
          };
        }),
    }),
  },
  {
    what: "a grade that depends on the day",
    law: "replay.same",
    plugin: postfix({
      grade: (row, action) => ({ ...grade(row, action), metrics: { graded: counted++ } }),
    }),
  },
  {
    what: "a grade that depends on the seed",
    law: "determinism.pure",
    plugin: postfix({
      grade: (row, action, { seed }) => ({ ...grade(row, action), metrics: { seed } }),
    }),
  },
  {
    what: "fewer grades than siblings",
    law: "group.grades",
    plugin: guess({ gradeGroup: (last) => Effect.succeed(last.slice(1).map(() => 0)) }),
  },
  {
    what: "a reflection that tells the answer",
    law: "reflection.valid",
    plugin: guess({
      reflect: ({ task }) => ({ text: `It was ${task}.`, tags: [], parse: "ok" }),
    }),
  },
  {
    what: "a tool that no model can name",
    law: "tools.valid",
    plugin: guess({ tools: [guessTool, { ...guessTool, name: "guess again" }] }),
  },
  {
    what: "a tool that says nothing about wrong arguments",
    law: "tools.refused",
    plugin: guess({
      complaint: (call) =>
        call.startsWith("guess ") ? JSON.parse("nothing to parse") : `No tool ${call}.`,
    }),
  },
  {
    what: "an observation without a limit",
    law: "tools.bounded",
    plugin: guess({ quoted: 100_000 }),
  },
  {
    what: "a policy's program that reaches this process",
    law: "sandbox.constructor",
    plugin: program({
      before: (code) => (code.includes("constructor") ? inThisProcess(code) : undefined),
    }),
  },
  {
    what: "a sandbox that says nothing when memory ends",
    law: "sandbox.endless-allocation",
    plugin: program({
      complaint: (outcome) => (outcome._tag === "memory" ? undefined : "Something failed."),
    }),
  },
  {
    what: "a sandbox that is gone after too much output",
    law: "sandbox.long-output",
    plugin: program({ survives: (outcome) => outcome._tag !== "output" }),
  },
];

const lawsOf = (plugin: AnyPlugin, settings: EnvironmentLawSettings) =>
  environmentLaws(plugin as EnvironmentPlugin<Schema.Struct<{}>, Sandbox>, {}, settings);

describe("environmentLaws()", () => {
  describe("hold for an environment of one turn", () => {
    registerLaws(environmentLaws(postfix(), {}, { nearMisses }));
  });
  describe("hold for an environment of several turns with a tool", () => {
    registerLaws(environmentLaws(guess(), {}));
  });
  describe("hold for an environment that runs programs", () => {
    registerLaws(environmentLaws(program(), {}), { layer: pretendedSandbox });
  });

  for (const { what, law, plugin, settings = { nearMisses } } of defects) {
    const used = plugin.manifest.id === "postfix" ? { ...settings, samples: 1 } : { samples: 1 };
    const meant = `environment.${law}`;
    it.live(
      `catch ${what} by ${law}, and by no other law`,
      () =>
        Effect.gen(function* () {
          const report = yield* Effect.forEach(lawsOf(plugin, used), (one) =>
            Effect.ensuring(checkLaws([one]), closeTimers),
          );
          const broken = report
            .flat()
            .filter(({ passed, required, id }) => !passed && (required || id === meant));
          assert.deepStrictEqual(
            broken.map(({ id }) => id),
            [meant],
          );
          for (const { expected, actual, hint } of broken) {
            assert.isOk(expected && actual && hint);
          }
        }).pipe(Effect.provide(pretendedSandbox)),
      60_000,
    );
  }

  it("leave out gold laws when the manifest promises no gold", () => {
    const plugin = postfix({ manifest: { ...manifest, gold: false } });
    const ids = environmentLaws(plugin, {}).map(({ id }) => id);
    assert.isFalse(ids.some((id) => id.startsWith("environment.gold")));
    assert.strictEqual(new Set(ids).size, ids.length);
  });
});
