/** Rows of a JSONL file, each decoded, with errors that say file, line and field. */
import { EnvironmentTaskError } from "@resd/core";
import { Effect, FileSystem, Schema } from "effect";

/** One row and where it stands. */
export interface NumberedRow<A> {
  readonly row: A;
  /** Counted from 1. */
  readonly line: number;
  /** As it is written. */
  readonly text: string;
}

const fault = (path: string, line: number, said: string, advice: string) =>
  new EnvironmentTaskError({
    message: `${said}, at ${path}:${line}; ${advice}`,
    taskKey: `${path}:${line}`,
  });

/** Reads all rows; empty lines are skipped. The first row that does not fit fails with an EnvironmentTaskError. */
export const readRows = Effect.fn("readRows")(function* <A>(
  path: string,
  schema: Schema.Codec<A, unknown>,
): Effect.fn.Return<ReadonlyArray<NumberedRow<A>>, EnvironmentTaskError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const content = yield* Effect.mapError(fs.readFileString(path), () =>
    fault(path, 0, "Expected a JSONL file of tasks, got no readable file", "correct the path"),
  );
  const decode = Schema.decodeUnknownEffect(schema, { errors: "all" });
  const lines = content.split("\n").map((text, i) => ({ text: text.trim(), line: i + 1 }));
  return yield* Effect.forEach(
    lines.filter(({ text }) => text !== ""),
    Effect.fnUntraced(function* ({ text, line }) {
      const json = yield* Effect.try({
        try: (): unknown => JSON.parse(text),
        catch: (error) =>
          fault(path, line, `Expected JSON, got ${(error as Error).message}`, "correct the line"),
      });
      const row = yield* Effect.mapError(decode(json), (error) =>
        fault(
          path,
          line,
          `Expected a task of the schema, got ${error.message}`,
          "correct the line",
        ),
      );
      return { row, line, text };
    }),
  );
});
