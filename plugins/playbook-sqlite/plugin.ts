/** The playbook service on a SQLite file. */
import { Playbook, PlaybookError, decodeOptions } from "@resd/core";
import { playbookOver } from "@resd/resd";
import * as Sqlite from "@resd/sqlite-node";
import { Effect, Layer, Schema } from "effect";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { sqliteBackend } from "./store.ts";
import { migrate } from "./tables.ts";

export const Options = Schema.Struct({
  /** The file, made with its folders if it is not there; `:memory:` keeps nothing. */
  file: Schema.NonEmptyString,
});

const unusable = (file: string, detail: string) =>
  new PlaybookError({
    key: "*",
    message: `Expected a SQLite file for playbooks, or a place to make one, at ${file}, got: ${detail}; choose another \`file\``,
  });

/** Playbooks in a file, with the history of every change. */
export const layer = (options: typeof Options.Encoded) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { file } = yield* decodeOptions("playbook-sqlite", Options, options);
      if (file !== ":memory:") {
        yield* Effect.try({
          try: () => mkdirSync(dirname(file), { recursive: true }),
          catch: (cause) => unusable(file, String(cause)),
        });
      }
      const client = Sqlite.layer({ filename: file });
      return Layer.effect(
        Playbook,
        Effect.andThen(migrate, Effect.map(sqliteBackend(file), playbookOver)),
      ).pipe(
        Layer.provide(client),
        Layer.catch((error) =>
          Layer.effect(
            Playbook,
            Effect.fail(
              unusable(file, error._tag === "SqlError" ? error.reason.message : error.message),
            ),
          ),
        ),
      );
    }),
  );
