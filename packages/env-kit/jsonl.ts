/** Environments of one question and one answer, whose tasks lie in a JSONL file. */
import {
  type EnvironmentPlugin,
  EnvironmentTaskError,
  type TaskRow,
  defineEnvironment,
  hashName,
  taskSource,
} from "@resd/core";
import { Effect, type FileSystem, Path, Schema } from "effect";
import { normalized } from "./drawn_tasks.ts";
import { type NumberedRow, readRows } from "./jsonl_rows.ts";
import { type Asking, askingShape, manifestOf, rowOf } from "./questions.ts";

/** A row of a file that follows our names: a problem and its answer, perhaps a key and the split it belongs to. */
export const ProblemRow = Schema.StructWithRest(
  Schema.Struct({
    problem: Schema.NonEmptyString,
    answer: Schema.String,
    key: Schema.optionalKey(Schema.NonEmptyString),
    split: Schema.optionalKey(Schema.Literals(["train", "test"])),
  }),
  [Schema.Record(Schema.String, Schema.Json)],
);
export type ProblemRow = typeof ProblemRow.Type;

/** Questions whose tasks lie in a file. */
export interface JsonlQuestions<Row, Answer, R> extends Omit<Asking<Row, Answer, R>, "gold"> {
  /** Of the tasks that come along; `new URL("./tasks.jsonl", import.meta.url)` lies beside the module. */
  readonly file: string | URL;
  /** Shape of a row; `{ problem, answer, key?, split? }` with any other keys unless given. */
  readonly row?: Schema.Codec<Row, unknown>;
  /** The problem as plain text; `problem` of the row unless given. */
  readonly problem?: (row: Row) => string;
  /** An answer that is right; `answer` of the row unless given, none if null. */
  readonly gold?: ((row: Row) => string) | null;
  /** Share of the problems that is held out, where rows name no split; a tenth unless given. */
  readonly testShare?: number;
}

const share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }));

const fileOptions = Schema.Struct({
  /** Another file of tasks in the same form. */
  file: Schema.optionalKey(Schema.NonEmptyString),
  /** Share of its problems that is held out, where rows name no split. */
  testShare: Schema.optionalKey(share),
});

type Placed<Row> = NumberedRow<Row> & { readonly task: TaskRow<Row>; readonly split?: string };

const textAt = (row: unknown, key: string): string | undefined => {
  const value: unknown =
    typeof row === "object" && row !== null ? Reflect.get(row, key) : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** Rows with equal problems stay together, and what a problem says decides where it goes, not where it stands. */
const splitRows = <Row>(rows: ReadonlyArray<Placed<Row>>, testShare: number) => {
  const unplaced = new Map<string, Array<TaskRow<Row>>>();
  const splits = { train: [] as Array<TaskRow<Row>>, test: [] as Array<TaskRow<Row>> };
  for (const { task, split } of rows) {
    if (split === "train" || split === "test") splits[split].push(task);
    else {
      const name = hashName(normalized(task.problem));
      const group = unplaced.get(name);
      if (group === undefined) unplaced.set(name, [task]);
      else group.push(task);
    }
  }
  const groups = [...unplaced].toSorted(([a], [b]) => (a < b ? -1 : 1));
  // One at least on each side, where there are two.
  const wanted = Math.round(groups.length * testShare);
  const count =
    testShare === 0 || groups.length < 2 ? 0 : Math.min(Math.max(1, wanted), groups.length - 1);
  for (const [i, [, group]] of groups.entries()) {
    splits[i < count ? "test" : "train"].push(...group);
  }
  return splits;
};

/**
 * An environment from a file of tasks and a grading function. Rows that do not fit are errors with file, line and field.
 * A row may say `"split": "train"` or `"test"`; of the others a share is held out, by what their problems say.
 *
 * @example
 * ```ts
 * export const { manifest, Options, layer } = jsonl({
 *   id: "capitals",
 *   license: "CC0-1.0",
 *   file: new URL("./capitals.jsonl", import.meta.url),
 *   grade: (answer, row) => answer.toLowerCase() === row.answer.toLowerCase(),
 * });
 * ```
 */
export const jsonl = <Row = ProblemRow, Answer = string, R = never>(
  spec: JsonlQuestions<Row, Answer, R>,
): EnvironmentPlugin<typeof fileOptions, R | FileSystem.FileSystem | Path.Path> => {
  const schema = spec.row ?? (ProblemRow as unknown as Schema.Codec<Row, unknown>);
  const problemOf = spec.problem ?? ((row: Row) => textAt(row, "problem") ?? "");
  const { gold, ...others } = spec;
  const asking: Asking<Row, Answer, R> = {
    ...others,
    ...(gold === null ? {} : { gold: gold ?? ((row: Row) => textAt(row, "answer") ?? "") }),
  };
  const manifest = manifestOf(asking, { train: "options", test: "options" });
  return defineEnvironment({
    manifest,
    options: fileOptions,
    task: schema,
    make: Effect.fnUntraced(function* (options) {
      const path = yield* Path.Path;
      const file =
        options.file ??
        (spec.file instanceof URL
          ? yield* Effect.orDie(path.fromFileUrl(spec.file))
          : path.resolve(spec.file));
      const rows = yield* readRows(file, schema);
      const lines = new Map<string, number>();
      const placed: Array<Placed<Row>> = [];
      for (const numbered of rows) {
        const { row, line, text } = numbered;
        const refuse = (said: string, advice: string) =>
          new EnvironmentTaskError({
            message: `${said}, at ${file}:${line}; ${advice}`,
            taskKey: `${line}`,
          });
        const key = `${spec.id}/${textAt(row, "key") ?? hashName(text)}`;
        const earlier = lines.get(key);
        if (earlier !== undefined) {
          return yield* refuse(
            `Expected a row of its own, got the one of line ${earlier} again`,
            "remove it, or give each a key",
          );
        }
        lines.set(key, line);
        const problem = problemOf(row);
        if (problem.trim() === "")
          return yield* refuse("Expected a problem text, got none", "write one, or remove the row");
        const split = textAt(row, "split");
        placed.push({
          ...numbered,
          task: rowOf(asking, key, row, problem),
          ...(split === undefined ? {} : { split }),
        });
      }
      const testShare = options.testShare ?? spec.testShare ?? 0.1;
      const { train, test } = splitRows(placed, testShare);
      if (train.length === 0) {
        return yield* new EnvironmentTaskError({
          message: `Expected tasks to train on, got none of ${rows.length}, at ${file}; give rows of the split train`,
          taskKey: file,
        });
      }
      return yield* askingShape(asking, manifest, {
        train: taskSource(train),
        test: taskSource(test),
      });
    }),
  });
};
