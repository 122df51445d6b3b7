/** What variants.md shows resolves as a person would write it: flags, a schedule as data, a schedule in code. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { variantNames } from "@resd/run";
import { afterAll, assert, describe, it } from "vitest";

const page = readFileSync(join(import.meta.dirname, "variants.md"), "utf8");
const block = (opening: string): string =>
  new RegExp(`\`\`\`${opening}\\n(.*?)\`\`\``, "s").exec(page)?.[1] ?? "";
const folder = mkdtempSync(join(tmpdir(), "variants-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The configuration that a command line comes to. */
const resolved = (...args: ReadonlyArray<string>) => {
  const main = join(import.meta.dirname, "../apps/cli/main.ts");
  const output = execFileSync(process.execPath, [main, "train", ...args, "--dry-run"], {
    encoding: "utf8",
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  return JSON.parse(output);
};

describe("variants.md", { timeout: 120_000 }, () => {
  it("has a row for every variant, and no other", () => {
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    const table = rows.slice(0, variantNames.length);
    assert.deepEqual(table, [...variantNames]);
  });

  it("shows a schedule as data that resolves to the variant's own", () => {
    const file = join(folder, "scheduled.toml");
    writeFileSync(file, block("toml"));
    const { config } = resolved(file);
    const { schedule } = resolved("--variant", "resd-then-grpo").config.resd;
    assert.deepEqual(config.resd.schedule.until, schedule.until);
    assert.strictEqual(config.resd.schedule.next.name, "grpo");
    assert.strictEqual(config.resd.schedule.next.objective._tag, "PolicyGradient");
  });

  it("shows a schedule of one's own in at most ten lines", () => {
    const example = block("ts runnable");
    assert.isAtMost(example.trim().split("\n").length, 10);
    const file = join(folder, "slow_start.ts");
    writeFileSync(file, example);
    assert.strictEqual(resolved(file).config.name, "slow-start");
  });
});
