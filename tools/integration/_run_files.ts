/** The files of a run as other programs read them: every line decoded, nothing in it unknown. */
import {
  Action,
  HistoryLine,
  Message,
  Reflection,
  SignalReason,
  StepResult,
  TestCase,
  ToolSpec,
  View,
} from "@resd/core";
import { runFiles } from "@resd/run";
import { Effect, FileSystem, Schema } from "effect";

/** A line of `rollouts/step-*.jsonl`. */
export const RolloutLine = Schema.Struct({
  update: Schema.Int,
  id: Schema.NonEmptyString,
  taskKey: Schema.NonEmptyString,
  problem: Schema.String,
  sample: Schema.Int,
  initial: Schema.Array(Message),
  tools: Schema.optionalKey(Schema.Array(ToolSpec)),
  actions: Schema.Array(Action),
  results: Schema.Array(StepResult),
  from: Schema.Int,
  reward: Schema.Finite,
  success: Schema.Boolean,
  fraction: Schema.Finite,
  truncated: Schema.Boolean,
  policyVersion: Schema.NonEmptyString,
  feedback: Schema.String,
  reflection: Schema.optionalKey(Reflection),
  reflectionId: Schema.optionalKey(Schema.NonEmptyString),
  curated: Schema.optionalKey(Schema.Struct({ operations: Schema.Int, text: Schema.String })),
  signal: SignalReason,
  teacherPrompt: Schema.optionalKey(Schema.String),
  leftOut: Schema.optionalKey(Schema.Array(Schema.NonEmptyString)),
  studentPrompt: Schema.String,
  playbookVersion: Schema.Int,
  weight: Schema.Finite,
  tests: Schema.Array(TestCase),
  ids: Schema.Array(Schema.Int),
  mask: Schema.Array(Schema.Literals([0, 1])),
  logProbs: Schema.Array(Schema.Finite),
});
export type RolloutLine = typeof RolloutLine.Type;

/** A line of metrics.jsonl: flat, every number finite. */
const MetricsLine = Schema.Record(Schema.String, Schema.Union([Schema.Finite, Schema.String]));
export type MetricsLine = typeof MetricsLine.Type;

const PlaybookFile = Schema.Struct({
  update: Schema.Int,
  playbooks: Schema.Record(Schema.String, View),
});

const OperationLine = Schema.Struct({ update: Schema.Int, ...HistoryLine.fields });

const strict = { errors: "all", onExcessProperty: "error" } as const;

/** All lines of a file; the last one has to be complete too. */
const readLines = Effect.fnUntraced(function* <A, E>(path: string, schema: Schema.Codec<A, E>) {
  const fs = yield* FileSystem.FileSystem;
  const lines = (yield* fs.readFileString(path)).split("\n");
  if (lines.pop() !== "")
    return yield* Effect.die(`Expected whole lines, got a cut one, at ${path}`);
  const decode = Schema.decodeEffect(Schema.fromJsonString(schema), strict);
  return yield* Effect.forEach(lines, (line) => decode(line));
});

/** Files of a folder that end in `.json` or `.jsonl`, in order, by their names. */
const namesIn = Effect.fnUntraced(function* (folder: string, pattern: RegExp) {
  const fs = yield* FileSystem.FileSystem;
  return (yield* fs.readDirectory(folder)).filter((name) => pattern.test(name)).toSorted();
});

/** Everything that a run wrote beside summary, model and snapshot, which `readRun` reads. */
export const readRunFiles = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const files = runFiles(folder);
  const steps = yield* namesIn(files.rollouts, /./);
  const snapshots = yield* namesIn(files.playbook, /^\d+\.json$/);
  return {
    metrics: yield* readLines(files.metrics, MetricsLine),
    operations: yield* readLines(files.operations, OperationLine),
    /** By file name. */
    rollouts: new Map(
      yield* Effect.forEach(steps, (name) =>
        Effect.map(
          readLines(`${files.rollouts}/${name}`, RolloutLine),
          (lines) => [name, lines] as const,
        ),
      ),
    ),
    playbooks: yield* Effect.forEach(snapshots, (name) =>
      Effect.flatMap(
        fs.readFileString(`${files.playbook}/${name}`),
        Schema.decodeEffect(Schema.fromJsonString(PlaybookFile), strict),
      ),
    ),
  };
});

/** The text of metrics.jsonl without the values that are times; everything else byte for byte. */
export const timelessMetrics = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const text = yield* fs.readFileString(runFiles(folder).metrics);
  return text.replaceAll(/,"time\/[^"]*":[-+.e\d]+/g, "");
});
