/** Playbooks that may be changed: a SQLite file, or a snapshot in JSON. */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { Playbook, type PlaybookShape } from "@resd/core";
import { layer as memory } from "@resd/playbook-memory";
import { layer as sqlite } from "@resd/playbook-sqlite";
import { Context, Effect, Layer } from "effect";
import { PlaybookSourceError, isSqlite, reasonOf } from "./source.ts";

/**
 * Opens a store, made if it is not there, and keeps what was done to it. The folder of a run is none: it says how things
 * were.
 */
export const withStore = <A, E>(
  path: string,
  use: (playbook: PlaybookShape) => Effect.Effect<A, E>,
) =>
  Effect.gen(function* () {
    if (existsSync(path) && statSync(path).isDirectory()) {
      return yield* new PlaybookSourceError({
        message: `Expected a SQLite file or a snapshot to change, got a folder, at ${path}; export its playbook and import it into one`,
      });
    }
    if (isSqlite(path)) {
      const store = Context.get(
        yield* Layer.build(sqlite({ file: path, durability: "power" })),
        Playbook,
      );
      return yield* use(store);
    }
    if (!path.endsWith(".json")) {
      return yield* new PlaybookSourceError({
        message: `Expected a SQLite file (.sqlite) or a snapshot (.json) to change, got ${path}; give one of these`,
      });
    }
    const store = Context.get(yield* Layer.build(memory({})), Playbook);
    if (existsSync(path)) {
      yield* store
        .restore(readFileSync(path))
        .pipe(
          Effect.mapError(
            ({ message }) => new PlaybookSourceError({ message: `${message}, at ${path}` }),
          ),
        );
    }
    const done = yield* use(store);
    const snapshot = yield* store.snapshot;
    yield* Effect.try({
      try: () => {
        writeFileSync(`${path}.partial`, snapshot);
        renameSync(`${path}.partial`, path);
      },
      catch: (cause) =>
        new PlaybookSourceError({
          message: `Expected a place for a snapshot, got ${reasonOf(cause)}, at ${path}; choose another`,
        }),
    });
    return done;
  }).pipe(Effect.scoped);
