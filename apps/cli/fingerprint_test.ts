import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { makeFingerprint } from "./fingerprint.ts";

const folderOf = (files: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "resd-fingerprint-"));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      return folder;
    }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
  );

describe("a fingerprint", () => {
  it.effect("changes with a file that decides what a model does, and with no other", () =>
    Effect.gen(function* () {
      const plain = { "config.json": "{}", "model.safetensors": "weights" };
      const names = yield* Effect.forEach(
        [
          plain,
          { ...plain, "README.md": "a card", "probes.jsonl": "{}" },
          { ...plain, "model.safetensors": "Weights" },
          { ...plain, "tokenizer.json": "{}" },
        ],
        (files) => Effect.flatMap(folderOf(files), makeFingerprint()),
      );
      assert.strictEqual(names[1], names[0]);
      assert.strictEqual(new Set(names).size, 3);
    }),
  );

  it.effect("refuses a model that is not there, by name", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(makeFingerprint()("models/nowhere"));
      assert.match(error.message, /got nothing, at models\/nowhere/);
    }),
  );
});
