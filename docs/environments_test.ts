/** The environment of environments.md, used as the page says: saved somewhere, validated, and trained on from there. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeServices } from "@effect/platform-node";
import { writeChatModel } from "@resd/testing";
import { Effect } from "effect";
import { afterAll, assert, describe, it } from "vitest";

const page = readFileSync(join(import.meta.dirname, "environments.md"), "utf8");
const example = /```ts runnable\n(.*?)```/s.exec(page)?.[1] ?? "";
const folder = mkdtempSync(join(tmpdir(), "environments-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "ladder.ts"), example);

/** The last line of what the command line prints. */
const resd = (...args: ReadonlyArray<string>) =>
  JSON.parse(
    execFileSync(process.execPath, [join(import.meta.dirname, "../apps/cli/main.ts"), ...args], {
      encoding: "utf8",
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    })
      .trim()
      .split("\n")
      .at(-1) ?? "",
  );

describe("environments.md", { timeout: 240_000 }, () => {
  it("shows an environment that keeps all laws, and how many there are of each subject", () => {
    const { counts, results } = resd("env", "validate", "./ladder.ts", "--json", "--samples=2");
    assert.strictEqual(counts.broken, 0);
    const rows = [...page.matchAll(/^\| (`.*?) \| (\d+) \|/gm)].map(
      ([, subjects = "", count]) => [subjects.match(/[a-z-]+/g) ?? [], Number(count)] as const,
    );
    // Laws of tools, of programs and of packages are not for this environment.
    const others = ["tools", "sandbox", "package"];
    const told = rows.flatMap(([subjects, count]) => (others.includes(subjects[0]!) ? [] : count));
    const examined = (results as ReadonlyArray<{ readonly id: string }>)
      .map(({ id }) => id.split(".")[1]!)
      .filter((subject) => !others.includes(subject));
    assert.strictEqual(
      told.reduce((sum, count) => sum + count, 0),
      examined.length,
    );
    const subjects = rows.flatMap(([names]) => names);
    for (const subject of examined) assert.include(subjects, subject);
  });

  it("shows an environment of a single file that can be trained on", async () => {
    const model = join(folder, "tiny");
    const config = { max_position_embeddings: 3072 };
    await Effect.runPromise(
      writeChatModel(model, { seed: 1, config }).pipe(Effect.provide(NodeServices.layer)),
    );
    const { updates, outcome } = resd(
      "train",
      "--env=./ladder.ts",
      `--model=${model}`,
      "--preset=paper/base",
      "--resd.updates=1",
      "--resd.updatesPerBatch=1",
      "--resd.batchSize=2",
      "--resd.rolloutsPerPrompt=2",
      "--resd.sampling.rollout.maxTokens=6",
      "--resd.sampling.evaluate.maxTokens=6",
      "--resd.sampling.reflect.maxTokens=16",
      "--resd.evaluation.samples=1",
      "--environment.options.trainSize=2",
      "--environment.options.testSize=2",
      "--run-dir=run",
      "--json",
    );
    assert.deepStrictEqual({ updates, outcome }, { updates: 1, outcome: "finished" });
    const { plugins } = JSON.parse(readFileSync(join(folder, "run/run.json"), "utf8"));
    const environment = plugins.find(({ seam }: { seam: string }) => seam === "env");
    assert.deepInclude(environment, { package: "./ladder.ts", id: "ladder" });
    assert.match(environment.version, /^text-[0-9a-f]{32}$/);
  });
});
