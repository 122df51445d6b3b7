/** The environment on top of the language: a plan in, a program out, three tests on a chip that nobody documented. */
import {
  type Action,
  EnvironmentTaskError,
  type FeedbackPart,
  type Graded,
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
  MOST_HELD_OUT,
  type Level,
  Plan,
  type ProgramError,
  caseTexts,
  conventionOf,
  goldProgram,
  parseProgram,
  planText,
  programText,
  runBench,
  splitPlans,
  validationPlans,
} from "./language/mod.ts";
import { reflectOn } from "./reflect.ts";

const size = (most: number, usual: number) =>
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: most })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(usual)),
  );

const options = Schema.Struct({
  /** How plans are drawn: `classic`, or `siblings` where the operations of a plan share a group. */
  level: Schema.Literals(LEVELS).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed<Level>("classic")),
  ),
  trainSize: size(4 * MOST_HELD_OUT, 256),
  heldOutSize: size(MOST_HELD_OUT, 64),
  validationSize: size(MOST_HELD_OUT, 64),
  /** Names the chip: its hidden convention and its plans. Absent: the seed of the run. */
  seed: Schema.optionalKey(Schema.Int),
});

const unknownSplit = (split: string): TaskSource<never> => ({
  size: 0,
  get: () =>
    Effect.fail(
      new EnvironmentTaskError({
        message: `Expected the split "train", "heldOut" or "validation", got "${split}"; ask for one of the three`,
        taskKey: split,
      }),
    ),
});

/** The splits by name. Plans to validate with are drawn when they are asked for: most runs never do. */
const splitsOf = (
  { level, trainSize, heldOutSize, validationSize }: typeof options.Type,
  seed: number,
  convention: Convention,
): ((split: string) => TaskSource<Plan>) => {
  const source = (split: string, plans: ReadonlyArray<Plan>) =>
    taskSource(
      plans.map((task, i): TaskRow<Plan> => ({
        key: `kestrel/${level}/${seed}/${split}/${i}`,
        task,
        problem: planText(task),
        gold: { content: programText(goldProgram(task, convention)), stop: "eos" },
      })),
    );
  const { train, heldOut } = splitPlans(seed, level, { train: trainSize, heldOut: heldOutSize });
  const splits = new Map([
    ["train", source("train", train)],
    ["heldOut", source("heldOut", heldOut)],
  ]);
  return (split) => {
    const known = splits.get(split);
    if (known !== undefined) return known;
    if (split !== "validation") return unknownSplit(split);
    const validation = source("validation", validationPlans(seed, level, validationSize));
    splits.set(split, validation);
    return validation;
  };
};

const statusOf = ({ actual, passed }: BenchCase): TestCase["status"] =>
  actual === undefined ? "skipped" : passed ? "passed" : "failed";

/** The remarks on a program that cannot be read: the line in the bench's words, then what is wrong with it. */
const complaints = ({ line, message }: ProgramError): ReadonlyArray<FeedbackPart> => [
  { kind: "format", text: `error ${line}` },
  { kind: "format", text: message },
];
const CUT_OFF: FeedbackPart = { kind: "truncated", text: "The answer was cut off by its length." };

/** What the student reads is the plan alone; the protocol of the bench goes to reflector and teacher. */
const grade = (plan: Plan, { content, stop }: Action, convention: Convention): Graded => {
  const program = parseProgram(content);
  const bench = runBench(plan, Result.getOrUndefined(program), convention);
  const success = bench.every((benchCase) => benchCase.passed);
  const tests = bench.map((benchCase, i) => ({
    id: String(i + 1),
    visibility: "public" as const,
    status: statusOf(benchCase),
    ...caseTexts(benchCase),
  }));
  if (success) return { reward: 1, success, tests, parse: "ok" };
  const cut = stop === "max_tokens" ? [CUT_OFF] : [];
  if (Result.isFailure(program)) {
    const parts = [...complaints(program.failure), ...cut];
    const parse = content.trim() === "" ? "no_answer" : "malformed";
    return { reward: 0, success, tests, feedback: { parts, leakage: "none" }, parse };
  }
  // One trace an attempt: the bench stops reporting at the first case that fails.
  const cases = tests.filter((test) => test.status === "failed").map((test) => test.id);
  const feedback = { parts: cut, leakage: "partial" } as const;
  return { reward: 0, success, tests, cases: cases.slice(0, 1), feedback, parse: "ok" };
};

export const { manifest, Options, layer } = defineEnvironment({
  manifest: {
    apiVersion: "resd/1",
    id: "kestrel",
    turns: "single",
    reward: { min: 0, max: 1 },
    determinism: "pure",
    splits: {
      train: { size: "options", license: "Apache-2.0" },
      heldOut: { size: "options", license: "Apache-2.0" },
      validation: { size: "options", license: "Apache-2.0" },
    },
    // A trace never spells the answer, but it proves what the mnemonics used do, which is a part of it.
    feedback: { tests: true, leakage: "partial", maxChars: 1000 },
    needs: [],
    gold: true,
    preset: "kestrel",
  },
  options,
  task: Plan,
  make: Effect.fnUntraced(function* (decoded) {
    const seed = decoded.seed ?? (yield* RunSeed);
    const convention = conventionOf(seed);
    const splits = splitsOf(decoded, seed, convention);
    const episodes = singleTurn<Plan>({
      tasks: splits,
      prompt: (row) => [{ role: "user", content: row.problem }],
      grade: (row, action) => Effect.sync(() => grade(row.task, action, convention)),
    });
    return {
      ...episodes,
      reflect: (row, actions, results, view) => reflectOn(row.task, actions, results, view),
    };
  }),
});
