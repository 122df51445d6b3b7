/** `resd env validate`: examines an environment in a process of its own, and reports every criterion. */
import { fork } from "node:child_process";
import type { Override } from "@resd/run";
import { type LawResult, broken, checkLaws } from "@resd/testing";
import { Console, Effect, Schema } from "effect";
import { hostLayer } from "../host.ts";
import { inkFor } from "../ink.ts";
import { packageLaws } from "./package_laws.ts";
import type { Assignment, Introduction, SplitFacts, Told } from "./protocol.ts";
import { type Examination, reportText } from "./report.ts";

export interface ValidateInput {
  readonly use: string;
  readonly samples: number;
  /** Seconds after which a criterion that says nothing is given up. */
  readonly patience: number;
  readonly json: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

/** An environment that breaks its promises; the report says which. */
export class InvalidEnvironmentError extends Schema.TaggedError<InvalidEnvironmentError>()(
  "InvalidEnvironmentError",
  { message: Schema.String },
) {}

/** Seconds for a process to start and to load an environment, however impatient one is. */
const STARTING = 60;

const EXAMINER = new URL(
  `./examiner.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`,
  import.meta.url,
);

interface Witnessed {
  readonly introduction?: Introduction;
  readonly results: ReadonlyArray<LawResult>;
  readonly splits?: Readonly<Record<string, SplitFacts>>;
  readonly lines?: ReadonlyArray<string>;
  /** Why there was no examination. */
  readonly failure?: string;
  /** The criterion that did not come back, and what happened instead. */
  readonly lost?: { readonly id: string; readonly promise: string; readonly how: string };
}

/** Runs one examination, and ends it when it says nothing for too long. */
const witness = (
  assignment: Assignment,
  patience: number,
  onResult: (result: LawResult) => void,
): Effect.Effect<Witnessed> =>
  Effect.callback<Witnessed>((resume) => {
    const results: Array<LawResult> = [];
    const seen: { -readonly [K in keyof Witnessed]?: Witnessed[K] } = {};
    let running: { id: string; promise: string } | undefined;
    let silent = false;
    const child = fork(EXAMINER, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    let noise = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      noise = (noise + text).slice(-2000);
    });
    const impatient = (seconds: number) =>
      setTimeout(() => {
        silent = true;
        child.kill("SIGKILL");
      }, seconds * 1000);
    let timer = impatient(Math.max(patience, STARTING));
    child.on("message", (told: Told) => {
      clearTimeout(timer);
      timer = impatient(patience);
      if (told._tag === "Introduced") seen.introduction = told.introduction;
      else if (told._tag === "Began") running = told;
      else if (told._tag === "Surveyed") seen.splits = told.splits;
      else if (told._tag === "Recorded") seen.lines = told.lines;
      else if (told._tag === "Failed") seen.failure = told.message;
      else {
        running = undefined;
        results.push(told.result);
        onResult(told.result);
      }
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const how = silent
        ? `nothing for ${patience} s`
        : `an end of the process by ${signal ?? `exit code ${code}`}: ${noise.trim().slice(-300)}`;
      resume(
        Effect.succeed({
          ...seen,
          results,
          ...(running === undefined ? {} : { lost: { ...running, how } }),
          ...(seen.introduction === undefined && seen.lines === undefined
            ? { failure: seen.failure ?? `Expected an environment that loads, got ${how}` }
            : {}),
        }),
      );
    });
    child.send(assignment);
    return Effect.sync(() => {
      clearTimeout(timer);
      child.kill("SIGKILL");
    });
  });

/** The criterion that takes two processes. */
const processResult = (
  once: ReadonlyArray<string> | undefined,
  twice: ReadonlyArray<string> | undefined,
): LawResult => {
  const id = "environment.replay.process";
  const promise = "another process has the same tasks, and the same plays come to the same there";
  const at = once?.findIndex((line, i) => line !== twice?.[i]) ?? 0;
  if (once !== undefined && once.length > 0 && at < 0) {
    return { id, promise, required: true, passed: true };
  }
  const { expected, actual, hint } = broken(
    once?.[at] ?? "plays that can be recorded",
    twice?.[at] ?? "none",
    "draw nothing when a module is loaded, and nothing from Math.random or the clock",
  );
  return { id, promise, required: true, passed: false, expected, actual, hint };
};

/** Examines an environment until every law has been checked or given up. */
const examine = Effect.fnUntraced(function* (
  input: ValidateInput,
  onResult: (result: LawResult) => void,
) {
  const assignment: Assignment = {
    use: input.use,
    overrides: input.overrides,
    samples: input.samples,
    done: [],
    recordOnly: false,
  };
  const results: Array<LawResult> = [];
  const note = (result: LawResult) => {
    results.push(result);
    onResult(result);
  };
  let last: Witnessed;
  do {
    last = yield* witness(
      { ...assignment, done: results.map(({ id }) => id) },
      input.patience,
      note,
    );
    if (last.failure !== undefined) {
      return yield* new InvalidEnvironmentError({ message: last.failure });
    }
    if (last.lost !== undefined) {
      const { id, promise, how } = last.lost;
      const hint = "run what a policy wrote in the sandbox, and never wait without a limit";
      const { expected, actual } = broken(`an end within ${input.patience} s`, how, hint);
      note({ id, promise, required: true, passed: false, expected, actual, hint });
    }
  } while (last.lost !== undefined);
  const introduction = last.introduction!;
  if (introduction.manifest.determinism !== "stochastic") {
    const other = yield* witness({ ...assignment, recordOnly: true }, input.patience, () => {});
    note(processResult(last.lines, other.lines));
  }
  for (const result of yield* checkLaws(packageLaws(introduction))) note(result);
  const examination: Examination = { introduction, splits: last.splits ?? {}, results };
  return examination;
});

export const validate = Effect.fnUntraced(
  function* (input: ValidateInput) {
    const lively = process.stderr.isTTY === true && !input.json;
    let count = 0;
    const [taken, examination] = yield* Effect.timed(
      examine(input, ({ id }) => {
        if (lively) process.stderr.write(`\r\u001B[K${++count} ${id}`);
      }),
    );
    if (lively) process.stderr.write("\r\u001B[K");
    const { text, data, broken: failed } = reportText(examination, taken, inkFor(process.stdout));
    yield* Console.log(input.json ? JSON.stringify(data) : text);
    if (failed > 0) {
      return yield* new InvalidEnvironmentError({
        message: `Expected an environment that keeps its promises, got ${failed} broken of ${examination.results.length}; the report says which, and what to do`,
      });
    }
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
