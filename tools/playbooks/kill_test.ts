import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { killWriters } from "./kill.ts";

describe("killWriters", () => {
  it.effect(
    "killWriters() finds every acknowledged change in the file, whenever its writer was killed",
    () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "playbooks-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true })),
        );
        const kills = yield* killWriters({
          file: join(folder, "playbook.sqlite"),
          kills: 2,
          seed: 1,
          durability: "process",
          longest: 100,
        });
        assert.strictEqual(kills.length, 2);
        for (const { acknowledged } of kills) assert.isAbove(acknowledged, 0);
      }),
    120_000,
  );
});
