/** The variant of compose.md, run as a person would run it: saved somewhere, and trained from there. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, assert, describe, it } from "vitest";

const page = readFileSync(join(import.meta.dirname, "compose.md"), "utf8");
const example = /```ts runnable\n(.*?)```/s.exec(page)?.[1] ?? "";
const folder = mkdtempSync(join(tmpdir(), "compose-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The last line of what the command line prints. */
const resd = (...args: ReadonlyArray<string>): string => {
  const main = join(import.meta.dirname, "../apps/cli/main.ts");
  const output = execFileSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  return output.trim().split("\n").at(-1) ?? "";
};

const SHORT = ["--resd.updates=3", "--resd.evaluation.tasks=4", "--resd.batchSize=8"];

describe("compose.md", { timeout: 120_000 }, () => {
  it("shows a variant in at most 40 lines", () => {
    assert.isAtMost(example.trim().split("\n").length, 40);
    assert.include(example, "export default defineRun(");
  });

  it("shows a variant that trains, from a file that lies anywhere", () => {
    const file = join(folder, "second_witness.ts");
    writeFileSync(file, example);
    const runDir = join(folder, "run");
    const summary = JSON.parse(resd("train", file, "--json", "--run-dir", runDir, ...SHORT));
    assert.strictEqual(summary.name, "second-witness");
    assert.strictEqual(summary.updates, 3);
    const { config, sources } = JSON.parse(
      readFileSync(join(runDir, "config.resolved.json"), "utf8"),
    );
    assert.deepEqual(config.curator, { use: "custom", options: {} });
    assert.strictEqual(sources["curator.use"], `layers of file ${file}`);
    // Nobody asked a model to curate, and no lesson was believed at its first hearing.
    assert.strictEqual(summary.modelCalls.curate, 0);
    const rollouts = readFileSync(join(runDir, "rollouts/step-000001.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const curated = rollouts.flatMap((rollout) => (rollout.curated ? [rollout.curated] : []));
    assert.isNotEmpty(curated);
    for (const { text, operations } of curated) {
      const count = Number(/^heard (\d+) times/.exec(text)?.[1]);
      if (count < 2) assert.strictEqual(operations, 0);
    }
  });

  it("shows flags that resolve", () => {
    const shown = page
      .split("\n")
      .flatMap((line) => (/^npm start -- (--.*)$/.exec(line) ?? []).slice(1))
      .map((line) => line.replace(/#.*/, "").trim().split(/\s+/))
      .filter((args) => !args.includes("--dry-run"));
    assert.isAbove(shown.length, 3);
    for (const args of shown) resd("train", "--dry-run", ...args);
  });
});
