import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { writeTogether } from "./writers.ts";

describe("writeTogether", () => {
  it.effect(
    "writeTogether() finds what two processes wrote to one file at once, every change of both",
    () =>
      Effect.gen(function* () {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "playbooks-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true })),
        );
        const found = yield* writeTogether(join(folder, "playbook.sqlite"), 2, 30);
        assert.deepStrictEqual(found, { entries: 60, lines: 120 });
      }),
    120_000,
  );
});
