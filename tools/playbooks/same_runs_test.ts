import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { sameRuns } from "./same_runs.ts";

const place = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "same-runs-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
);

/** A folder as runs leave it. */
const write = (
  folder: string,
  files: { readonly metrics?: string; readonly ops?: string; readonly step?: string } = {},
): string => {
  const { metrics = '{"loss":1,"time/update":2.5}\n', ops = "{}\n", step = '{"update":1}' } = files;
  mkdirSync(join(folder, "playbook"), { recursive: true });
  mkdirSync(join(folder, "rollouts"));
  writeFileSync(join(folder, "metrics.jsonl"), metrics);
  writeFileSync(join(folder, "playbook", "ops.jsonl"), ops);
  writeFileSync(join(folder, "playbook", "000001.json"), step);
  writeFileSync(join(folder, "rollouts", "step-000001.jsonl"), "{}\n");
  return folder;
};

describe("sameRuns", () => {
  it.effect("sameRuns() passes over times, and over nothing else", () =>
    Effect.gen(function* () {
      const folder = yield* place;
      const plain = write(join(folder, "plain"));
      const slower = write(join(folder, "slower"), {
        metrics: '{"loss":1,"time/update":3e-7}\n',
      });
      assert.deepStrictEqual(yield* sameRuns(plain, slower), {
        metrics: 1,
        operations: 1,
        playbooks: 2,
        rollouts: 1,
      });
      const others = [
        [{ metrics: '{"loss":1.0000001,"time/update":2.5}\n' }, /same line.*at line 1/],
        [{ metrics: '{"loss":1}\n{"loss":1}\n' }, /at line 2/],
        [{ ops: '{"x":1}\n' }, /ops\.jsonl/],
        [{ step: '{"update":2}' }, /000001\.json/],
      ] as const;
      for (const [i, [files, message]] of others.entries()) {
        const other = write(join(folder, `other-${i}`), files);
        assert.match((yield* Effect.flip(sameRuns(plain, other))).message, message);
      }
      writeFileSync(join(slower, "rollouts", "step-000002.jsonl"), "");
      assert.include((yield* Effect.flip(sameRuns(plain, slower))).message, "the same files");
      const none = yield* Effect.flip(sameRuns(plain, join(folder, "none")));
      assert.include(none.message, "got none, at");
    }),
  );
});
