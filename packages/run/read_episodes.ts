/** The attempts of a run, as its rollout files have them: all of them in brief, or one as a whole. */
import {
  Action,
  type Attempt,
  Message,
  Reflection,
  SignalReason,
  StepResult,
  ToolSpec,
} from "@resd/core";
import { Effect, FileSystem, type PlatformError, Schema } from "effect";
import { RunFolderError, runFiles, stepName } from "./run_folder.ts";

/** What a list of attempts needs of one. */
const Outline = Schema.Struct({
  /** The inner update that it was made in, counted from 1. */
  update: Schema.Int,
  id: Schema.NonEmptyString,
  taskKey: Schema.String,
  problem: Schema.String,
  /** k-th attempt at its task in this update, from 0. */
  sample: Schema.Int,
  results: Schema.Array(StepResult),
  reward: Schema.Finite,
  success: Schema.Boolean,
  /** Passed share of the tests. */
  fraction: Schema.Finite,
  truncated: Schema.Boolean,
  signal: SignalReason,
  /** Why it has no grade; versions before did not write it down. */
  ungraded: Schema.optionalKey(Schema.String),
  /** Per token behind the first prompt: 1 where the policy wrote it. */
  mask: Schema.Array(Schema.Literals([0, 1])),
});

/** A line of a rollout file. */
export const RecordedEpisode = Schema.Struct({
  ...Outline.fields,
  initial: Schema.Array(Message),
  tools: Schema.optionalKey(Schema.Array(ToolSpec)),
  actions: Schema.Array(Action),
  /** The first so many ids are the prompt. */
  from: Schema.Int,
  ids: Schema.Array(Schema.Int),
  logProbs: Schema.Array(Schema.Finite),
  policyVersion: Schema.String,
  feedback: Schema.String,
  reflection: Schema.optionalKey(Reflection),
  reflectionId: Schema.optionalKey(Schema.String),
  curated: Schema.optionalKey(Schema.Struct({ operations: Schema.Int, text: Schema.String })),
  teacherPrompt: Schema.optionalKey(Schema.String),
  leftOut: Schema.optionalKey(Schema.Array(Schema.String)),
  studentPrompt: Schema.String,
  playbookVersion: Schema.Int,
  weight: Schema.Finite,
});
export type RecordedEpisode = typeof RecordedEpisode.Type;

/** An attempt in brief. */
export type EpisodeOutline = Omit<typeof Outline.Type, "mask"> & {
  /** How many tokens the policy wrote. */
  readonly tokens: number;
};

/** Which attempts are meant; everything that is absent is any. */
export interface EpisodeFilter {
  /** Counted from 1. */
  readonly update?: number;
  /** Part of a task's key. */
  readonly task?: string;
  /** Solved ones, or those that are not. */
  readonly success?: boolean;
}

const NAME = /^step-(\d+)\.jsonl$/;

const linesOf = (text: string): ReadonlyArray<string> =>
  text.split("\n").filter((line) => line !== "");

/** The rollout files of a run in order, and those of one update where it is given. */
const filesOf = Effect.fnUntraced(function* (folder: string, update?: number) {
  const fs = yield* FileSystem.FileSystem;
  const { rollouts } = runFiles(folder);
  const refuse = (message: string) => new RunFolderError({ folder, message });
  if (!(yield* fs.exists(rollouts))) {
    return yield* refuse(
      `Expected the folder of a run, got none with rollouts, at ${rollouts}; give a folder such as runs/kestrel-seed-1`,
    );
  }
  const names = (yield* fs.readDirectory(rollouts)).filter((name) => NAME.test(name)).toSorted();
  if (names.length === 0) {
    return yield* refuse(
      `Expected attempts, got none so far, at ${rollouts}; a run writes them with its first update`,
    );
  }
  if (update === undefined) return names.map((name) => `${rollouts}/${name}`);
  const wanted = `step-${stepName(update)}.jsonl`;
  if (names.includes(wanted)) return [`${rollouts}/${wanted}`];
  const [first, last] = [names[0]!, names.at(-1)!].map((name) => Number(NAME.exec(name)?.[1]));
  return yield* refuse(
    `Expected an update from ${first} to ${last}, got ${update}, at ${rollouts}; correct --update`,
  );
});

const decodeLine = <S extends Schema.Codec<unknown, unknown>>(
  schema: S,
  folder: string,
  where: string,
  line: string,
) =>
  Effect.mapError(
    Schema.decodeEffect(Schema.fromJsonString(schema))(line),
    ({ message }) =>
      new RunFolderError({
        folder,
        message: `Expected an attempt, got something else, at ${where}: ${message}; read the run with the version that made it (run.json)`,
      }),
  );

const matching = Effect.fnUntraced(function* <A extends typeof Outline.Type, I>(
  schema: Schema.Codec<A, I>,
  folder: string,
  { update, task, success }: EpisodeFilter,
) {
  const fs = yield* FileSystem.FileSystem;
  const found: Array<A> = [];
  for (const path of yield* filesOf(folder, update)) {
    for (const [i, line] of linesOf(yield* fs.readFileString(path)).entries()) {
      const told = yield* decodeLine(schema, folder, `${path}:${i + 1}`, line);
      if (success !== undefined && told.success !== success) continue;
      if (task !== undefined && !told.taskKey.includes(task)) continue;
      found.push(told);
    }
  }
  return found;
});

/** How many tokens a policy wrote. @param mask 1 for each of them. */
export const writtenTokens = (mask: ArrayLike<number>): number =>
  Array.from(mask).reduce((sum, one) => sum + one, 0);

/** Lists the attempts of a run in the order in which they were made. Fails with a RunFolderError that names the line that cannot be read. */
export const readEpisodes = Effect.fn("readEpisodes")(function* (
  folder: string,
  filter: EpisodeFilter = {},
): Effect.fn.Return<
  ReadonlyArray<EpisodeOutline>,
  RunFolderError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  return (yield* matching(Outline, folder, filter)).map(({ mask, ...told }) => ({
    ...told,
    tokens: writtenTokens(mask),
  }));
});

/** Reads what is known of the solved attempts at a task, up to an update. */
export const readSolved = Effect.fn("readSolved")(function* (
  folder: string,
  task: string,
  until: number,
): Effect.fn.Return<
  ReadonlyArray<RecordedEpisode>,
  RunFolderError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const found = yield* matching(RecordedEpisode, folder, { task, success: true });
  return found.filter(({ taskKey, update }) => taskKey === task && update <= until);
});

const SHOWN_CANDIDATES = 4;

/**
 * Reads one attempt.
 *
 * @param id its id, or as much of the beginning as no other attempt of the run shares.
 *
 * Fails with a RunFolderError where there is none, or where several begin so.
 */
export const readEpisode = Effect.fn("readEpisode")(function* (
  folder: string,
  id: string,
): Effect.fn.Return<
  RecordedEpisode,
  RunFolderError | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem;
  const refuse = (message: string) => new RunFolderError({ folder, message });
  const found: Array<readonly [where: string, line: string]> = [];
  const Named = Schema.Struct({ id: Schema.String });
  for (const path of yield* filesOf(folder)) {
    for (const [i, line] of linesOf(yield* fs.readFileString(path)).entries()) {
      if (!line.includes(id)) continue;
      const named = yield* decodeLine(Named, folder, `${path}:${i + 1}`, line);
      if (named.id.startsWith(id)) found.push([`${path}:${i + 1}`, line]);
    }
  }
  if (found.length > 1) {
    const ids = found.map(([, line]) => (JSON.parse(line) as typeof Named.Type).id);
    const more = ids.length > SHOWN_CANDIDATES ? " …" : "";
    return yield* refuse(
      `Expected the id of one attempt, got ${id}, with which ${ids.length} begin, at ${folder}; write more of it: ${ids.slice(0, SHOWN_CANDIDATES).join(", ")}${more}`,
    );
  }
  const [only] = found;
  if (only === undefined) {
    return yield* refuse(
      `Expected the id of an attempt, got ${id}, which none has, at ${folder}; npm start -- show ${folder} lists them`,
    );
  }
  return yield* decodeLine(RecordedEpisode, folder, ...only);
});

/** The attempt as the loop had it. */
export const recordedAttempt = ({
  ids,
  mask,
  logProbs,
  tools,
  ...episode
}: RecordedEpisode): Attempt => ({
  id: episode.id,
  taskKey: episode.taskKey,
  problem: episode.problem,
  sample: episode.sample,
  initial: episode.initial,
  ...(tools === undefined ? {} : { tools }),
  actions: episode.actions,
  results: episode.results,
  ids: Int32Array.from(ids),
  from: episode.from,
  mask: Uint8Array.from(mask),
  logProbs: Float32Array.from(logProbs),
  reward: episode.reward,
  success: episode.success,
  fraction: episode.fraction,
  truncated: episode.truncated,
  policyVersion: episode.policyVersion,
});

/** What became of an attempt, in a word or two. */
export const outcomeOf = ({
  success,
  truncated,
  results,
  ungraded,
  signal,
}: Pick<EpisodeOutline, "success" | "truncated" | "results" | "ungraded" | "signal">): string => {
  const last = results.at(-1);
  if (ungraded !== undefined || signal === "none:environment-error" || last === undefined)
    return "not graded";
  if (success) return "solved";
  if (truncated) return "cut by length";
  if (last.parse === "no_answer") return "no answer";
  if (last.parse === "malformed") return "malformed answer";
  const tests = last.tests ?? [];
  const passed = tests.filter(({ status }) => status === "passed").length;
  if (tests.length > 0) return `${passed} of ${tests.length} tests`;
  return last.status === "truncated" ? "out of turns" : "failed";
};
