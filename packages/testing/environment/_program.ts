/** An environment that runs what is answered, and something that stands in for a sandbox. */
import { runInNewContext } from "node:vm";
import {
  type Action,
  type Graded,
  type Manifest,
  Sandbox,
  type SandboxOutcome,
  defineEnvironment,
  quote,
  singleTurn,
  taskSource,
} from "@resd/core";
import { Effect, Layer, Schema } from "effect";

/** Calls `double` in a context whose global object comes from here, or from nowhere. */
const evaluate = (code: string, argument: unknown, globals: object | null): SandboxOutcome => {
  try {
    const call = `double(${JSON.stringify(argument)})`;
    const source = `${code};((value) => value?.length > 1000 ? value : JSON.stringify(value))(${call})`;
    const context = globals ?? Object.create(null);
    const text: unknown = runInNewContext(source, context, { timeout: 100 });
    return String(text).length > 1000
      ? { _tag: "output", message: "too long" }
      : { _tag: "value", value: text === undefined ? null : JSON.parse(String(text)) };
  } catch {
    return { _tag: "error", message: "it failed" };
  }
};

/** Guards neither memory nor imports: what would take them is known by its looks. */
export const pretendedSandbox = Layer.succeed(Sandbox, {
  run: (code, { args }) =>
    Effect.sync(() =>
      code.includes("hoard")
        ? { _tag: "memory", message: "no more" }
        : code.includes("import(")
          ? { _tag: "error", message: "no imports" }
          : evaluate(code, args[0], null),
    ),
});

const manifest: Manifest = {
  apiVersion: "resd/1",
  id: "program",
  turns: "single",
  reward: { min: 0, max: 1 },
  determinism: "pure",
  splits: { train: { size: 2, license: "CC0-1.0" } },
  feedback: { tests: false, leakage: "none", maxChars: 300 },
  needs: ["sandbox:js"],
  gold: true,
};

export interface ProgramParts {
  /** What comes before the sandbox, if it answers at all. */
  readonly before: (code: string) => SandboxOutcome | undefined;
  /** What is said of an outcome. */
  readonly complaint: (outcome: SandboxOutcome) => string | undefined;
  /** Whether an environment works on after such an outcome. */
  readonly survives: (outcome: SandboxOutcome) => boolean;
}

const sound: ProgramParts = {
  before: () => undefined,
  complaint: (outcome) =>
    outcome._tag === "value" ? "Wrong value." : quote(`${outcome._tag}: ${outcome.message}`, 200),
  survives: () => true,
};

/** Calls `double` where objects of this very process can be reached. */
export const inThisProcess = (code: string): SandboxOutcome => evaluate(code, 3, {});

export const program = (change: Partial<ProgramParts> = {}) => {
  const parts = { ...sound, ...change };
  return defineEnvironment({
    manifest,
    options: Schema.Struct({}),
    task: Schema.Int,
    make: Effect.fnUntraced(function* () {
      const sandbox = yield* Sandbox;
      let alive = true;
      const run = (code: string, factor: number) =>
        sandbox.run(
          code,
          { name: "double", args: [factor] },
          { millis: 1000, bytes: 2 ** 25, outputBytes: 1000 },
        );
      const grade = Effect.fnUntraced(function* (factor: number, { content, stop }: Action) {
        const code = /function double[^]*/.exec(content)?.[0];
        const failed = (parse: Graded["parse"], text: string | undefined): Graded => ({
          reward: 0,
          success: false,
          parse,
          ...(text === undefined
            ? {}
            : {
                feedback: {
                  parts: [{ kind: stop === "max_tokens" ? "truncated" : "runtime_error", text }],
                  leakage: "none",
                },
              }),
        });
        if (code === undefined) return failed("malformed", "Expected function double(x).");
        if (!alive) return failed("ok", "nobody there");
        const outcome = parts.before(code) ?? (yield* run(code, factor));
        alive = parts.survives(outcome);
        return outcome._tag === "value" && outcome.value === 2 * factor
          ? { reward: 1, success: true, parse: "ok" as const }
          : failed("ok", parts.complaint(outcome));
      });
      return singleTurn<number>({
        tasks: (split) =>
          taskSource(
            (split === "train" ? [3, 4] : []).map((task) => ({
              key: `program/${task}`,
              task,
              problem: `Write double(x); it is tested at ${task}.`,
              gold: { content: "function double(x) {\n  return x + x;\n}", stop: "eos" },
            })),
          ),
        prompt: (row) => [{ role: "user", content: row.problem }],
        grade: (row, action) => grade(row.task, action),
      });
    }),
  });
};
