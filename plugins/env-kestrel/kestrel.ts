/** The environment on top of the language: a plan in, a program out, three tests on a chip that nobody documented. */
import {
  EnvironmentTaskError,
  type Graded,
  type Manifest,
  RunSeed,
  type TaskRow,
  type TaskSource,
  type TestCase,
  defineEnvironment,
  singleTurn,
  taskSource,
} from "@resd/core";
import { Effect, Result, Schema } from "effect";
import {
  type BenchCase,
  type Convention,
  LEVELS,
  type Level,
  Plan,
  caseTexts,
  conventionOf,
  distinctPlans,
  goldProgram,
  parseProgram,
  planText,
  programText,
  runBench,
} from "./language/mod.ts";

const size = (most: number, usual: number) =>
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: most })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(usual)),
  );

const options = Schema.Struct({
  /** How plans are drawn: `classic`, or `siblings` where the operations of a plan share a group. */
  level: Schema.Literals(LEVELS).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed<Level>("classic")),
  ),
  trainSize: size(4096, 256),
  heldOutSize: size(1024, 64),
  /** Names the chip: its hidden convention and its plans. Absent: the seed of the run. */
  seed: Schema.optionalKey(Schema.Int),
});

const manifest: Manifest = {
  apiVersion: "resd/1",
  id: "kestrel",
  turns: "single",
  reward: { min: 0, max: 1 },
  determinism: "pure",
  splits: {
    train: { size: "options", license: "Apache-2.0" },
    heldOut: { size: "options", license: "Apache-2.0" },
  },
  // A trace never spells the answer, but it proves what the mnemonics used do, which is a part of it.
  feedback: { tests: true, leakage: "partial", maxChars: 1000 },
  needs: [],
  gold: true,
  preset: "kestrel",
};

/** Every fifth distinct plan is held out, so neither split depends on the size of the other. */
const FIFTH = 5;

const splitsOf = (
  { level, trainSize, heldOutSize }: typeof options.Type,
  seed: number,
  convention: Convention,
): Readonly<Record<string, TaskSource<Plan>>> => {
  const needed = Math.max(Math.ceil(trainSize / (FIFTH - 1)), heldOutSize) * FIFTH;
  const plans = distinctPlans(seed, level, needed);
  const split = (name: string, count: number, heldOut: boolean) =>
    taskSource(
      plans
        .filter((_, i) => (i % FIFTH === FIFTH - 1) === heldOut)
        .slice(0, count)
        .map((task, i): TaskRow<Plan> => ({
          key: `kestrel/${level}/${seed}/${name}/${i}`,
          task,
          problem: planText(task),
          gold: { content: programText(goldProgram(task, convention)), stop: "eos" },
        })),
    );
  return { train: split("train", trainSize, false), heldOut: split("heldOut", heldOutSize, true) };
};

const unknownSplit = (split: string): TaskSource<never> => ({
  size: 0,
  get: () =>
    Effect.fail(
      new EnvironmentTaskError({
        message: `Expected the split "train" or "heldOut", got "${split}"; ask for one of the two`,
        taskKey: split,
      }),
    ),
});

const statusOf = ({ actual, passed }: BenchCase): TestCase["status"] =>
  actual === undefined ? "skipped" : passed ? "passed" : "failed";

/** What the student reads is the plan alone; the protocol of the bench goes to reflector and teacher. */
const grade = (plan: Plan, text: string, convention: Convention): Graded => {
  const program = parseProgram(text);
  const bench = runBench(plan, Result.getOrUndefined(program), convention);
  const success = bench.every((benchCase) => benchCase.passed);
  const tests = bench.map((benchCase, i) => ({
    id: String(i + 1),
    visibility: "public" as const,
    status: statusOf(benchCase),
    ...caseTexts(benchCase),
  }));
  const graded = { reward: success ? 1 : 0, success, tests };
  if (Result.isFailure(program)) {
    const { line, message } = program.failure;
    const parts = [`error ${line}`, message].map((part) => ({
      kind: "format" as const,
      text: part,
    }));
    const parse = text.trim() === "" ? "no_answer" : "malformed";
    return { ...graded, feedback: { parts, leakage: "none" }, parse };
  }
  if (success) return { ...graded, parse: "ok" };
  // One trace an attempt: the bench stops reporting at the first case that fails.
  const cases = tests.filter((test) => test.status === "failed").slice(0, 1);
  return {
    ...graded,
    cases: cases.map((test) => test.id),
    feedback: { parts: [], leakage: "partial" },
    parse: "ok",
  };
};

export const kestrel = defineEnvironment({
  manifest,
  options,
  task: Plan,
  make: Effect.fnUntraced(function* (decoded) {
    const seed = decoded.seed ?? (yield* RunSeed);
    const convention = conventionOf(seed);
    const splits = splitsOf(decoded, seed, convention);
    return singleTurn<Plan>({
      tasks: (split) => splits[split] ?? unknownSplit(split),
      prompt: (row) => [{ role: "user", content: row.problem }],
      grade: (row, action) => Effect.sync(() => grade(row.task, action.content, convention)),
    });
  }),
});
