/** Where cells lie: one folder each, found again by what decides the run. */
import { runFiles } from "@resd/run";
import { Effect, FileSystem, Path, type PlatformError, Schema } from "effect";
import { type Cell, cellFolderName, shortKey } from "./cell.ts";
import { CellDiagnosis, type CellResult, type UpdatePoint } from "./cell_result.ts";
import { MatrixError } from "./matrix.ts";

/** Beside the files of the run: says that it is whole, and of what. */
const MARK = "cell.json";

const Mark = Schema.fromJsonString(Schema.Struct({ key: Schema.String }));

const Evaluated = Schema.Struct({
  perTask: Schema.Finite,
  perTaskStderr: Schema.optionalKey(Schema.Finite),
  perTest: Schema.Finite,
  bestOfK: Schema.Finite,
  meanTokens: Schema.Finite,
});

/** What is read of a summary: no more, so that runs of other versions of the code stay readable. */
const SummaryRead = Schema.Struct({
  outcome: Schema.String,
  wallSeconds: Schema.Finite,
  phases: Schema.Record(Schema.String, Schema.Finite),
  modelCalls: Schema.Record(Schema.String, Schema.Finite),
  generatedTokens: Schema.Record(Schema.String, Schema.Finite),
  diagnoses: Schema.optionalKey(Schema.Array(CellDiagnosis)),
  curve: Schema.Array(
    Schema.Struct({
      update: Schema.Int,
      interactions: Schema.Int,
      student: Evaluated,
      teacher: Schema.optionalKey(Evaluated),
    }),
  ),
});

/** Rows of metrics.jsonl that are updates, as far as they are read. */
const UpdateRow = Schema.Struct({
  type: Schema.Literal("update"),
  update: Schema.Int,
  interactions: Schema.Int,
});

const RunFacts = Schema.Struct({
  git: Schema.optionalKey(Schema.Struct({ commit: Schema.String, changed: Schema.Boolean })),
});

const numberOf = (row: Readonly<Record<string, unknown>>, key: string): number | undefined => {
  const value = row[key];
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
};

const SIGNAL = "signal/";

/** A row of metrics.jsonl as a point; undefined for other rows. */
const updatePoint = (line: string): UpdatePoint | undefined => {
  const row = JSON.parse(line) as Record<string, unknown>;
  if (!Schema.is(UpdateRow)(row)) return undefined;
  const given = <K extends string>(name: K, key: string) => {
    const value = numberOf(row, key);
    return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]: number });
  };
  return {
    updates: row.update,
    interactions: row.interactions,
    ...given("success", "train/success"),
    ...given("responseTokens", "tokens/perAttempt"),
    ...given("divergence", "divergence"),
    ...given("playbook", "playbook/size"),
    signals: Object.fromEntries(
      Object.entries(row).flatMap(([key, value]) =>
        key.startsWith(SIGNAL) && typeof value === "number" && value > 0
          ? [[key.slice(SIGNAL.length), value]]
          : [],
      ),
    ),
  };
};

type Stored<A> = Effect.Effect<
  A,
  MatrixError | PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path
>;

/** The folder of a cell: where it lies already, whatever it was called then, or where it will. */
export const cellFolder = Effect.fnUntraced(function* (
  root: string,
  cell: Cell,
): Effect.fn.Return<string, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const names = (yield* fs.exists(root)) ? yield* fs.readDirectory(root) : [];
  const known = names.find((name) => name.endsWith(`-${shortKey(cell.key)}`));
  return path.join(root, known ?? cellFolderName(cell));
});

/** What a cell measured, if it has been run to its end; undefined where it has not. */
export const finishedCell = (cell: Cell, folder: string): Stored<CellResult | undefined> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const mark = yield* fs.readFileString(`${folder}/${MARK}`).pipe(
      Effect.flatMap(Schema.decodeEffect(Mark)),
      Effect.orElseSucceed(() => undefined),
    );
    return mark?.key === cell.key ? yield* readCell(cell, folder) : undefined;
  });

/** Reads the folder of a run that has ended well. */
export const readCell = Effect.fn("compare.readCell")(function* (
  { variant, seed, role, key }: Cell,
  folder: string,
): Effect.fn.Return<CellResult, MatrixError | PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const files = runFiles(folder);
  const read = <S extends Schema.Codec<unknown, unknown>>(file: string, schema: S) =>
    Effect.flatMap(fs.readFileString(file), (text) =>
      Effect.mapError(
        Schema.decodeEffect(Schema.fromJsonString(schema))(text),
        (error) =>
          new MatrixError({
            message: `Expected what this version writes, got something else, at ${file}: ${error.message}; remove ${folder} and run it again`,
          }),
      ),
    );
  const summary = yield* read(files.summary, SummaryRead);
  const { git } = yield* read(files.run, RunFacts);
  const rows = (yield* fs.readFileString(files.metrics)).split("\n");
  const [first, ...rest] = summary.curve.map(({ update, interactions, student, teacher }) => ({
    updates: update,
    interactions,
    success: student.perTask,
    ...(student.perTaskStderr === undefined ? {} : { successStderr: student.perTaskStderr }),
    perTest: student.perTest,
    best: student.bestOfK,
    tokens: student.meanTokens,
    ...(teacher === undefined ? {} : { teacher: teacher.perTask }),
  }));
  if (summary.outcome !== "finished" || first === undefined) {
    return yield* new MatrixError({
      message: `Expected a run that finished, got the outcome ${summary.outcome}, at ${folder}; remove it and run it again`,
    });
  }
  return {
    variant,
    seed,
    role,
    key,
    folder,
    curve: [first, ...rest],
    updates: rows.flatMap((line) => (line === "" ? [] : (updatePoint(line) ?? []))),
    diagnoses: summary.diagnoses ?? [],
    cost: {
      wallSeconds: summary.wallSeconds,
      phases: summary.phases,
      modelCalls: summary.modelCalls,
      generatedTokens: summary.generatedTokens,
    },
    ...(git === undefined ? {} : git),
  };
});

/** Takes away what an interrupted run left in a cell's folder; a run needs an empty one. */
export const clearCell = Effect.fnUntraced(function* (
  folder: string,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  if (yield* fs.exists(folder)) yield* fs.remove(folder, { recursive: true });
});

/** Says that a cell is whole: from now on it is not run again. */
export const markFinished = Effect.fnUntraced(function* (
  { key, variant, seed, role, parts, file }: Cell,
  folder: string,
): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const text = JSON.stringify({ key, variant, seed, role, parts, file }, undefined, 2);
  yield* fs.writeFileString(`${folder}/${MARK}.partial`, `${text}\n`);
  yield* fs.rename(`${folder}/${MARK}.partial`, `${folder}/${MARK}`);
});
