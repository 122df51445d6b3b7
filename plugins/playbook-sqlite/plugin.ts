/** The playbook service on a SQLite file. */
import { Playbook, PlaybookError, decodeOptions } from "@resd/core";
import { playbookOver } from "@resd/resd";
import * as Sqlite from "@resd/sqlite-node";
import { Effect, Layer, Schema } from "effect";
import { SqlClient } from "effect/sql";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { sqliteBackend } from "./store.ts";
import { migrate } from "./tables.ts";

export const Options = Schema.Struct({
  /** The file, made with its folders if it is not there; `:memory:` keeps nothing. */
  file: Schema.NonEmptyString,
  /**
   * What every acknowledged change outlives: `process` the end of the process, by kill -9 too; `power` a power failure as
   * well, because the file is flushed before each answer, which takes milliseconds on most disks.
   */
  durability: Schema.Literals(["process", "power"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("process" as const)),
  ),
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
      const { file, durability } = yield* decodeOptions("playbook-sqlite", Options, options);
      if (file !== ":memory:") {
        yield* Effect.try({
          try: () => mkdirSync(dirname(file), { recursive: true }),
          catch: (cause) => unusable(file, String(cause)),
        });
      }
      const client = Sqlite.layer({ filename: file });
      const open = Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient;
        yield* sql`PRAGMA synchronous = ${sql.literal(durability === "power" ? "FULL" : "NORMAL")}`;
        yield* migrate;
        return playbookOver(yield* sqliteBackend(file));
      });
      return Layer.effect(Playbook, open).pipe(
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
