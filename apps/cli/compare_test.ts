/** A comparison as a person starts it, on the model that comes along. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, assert, describe, it } from "vitest";
import { ROOT } from "./application.ts";

const folder = mkdtempSync(join(tmpdir(), "resd-compare-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Long enough for a machine that has other things to do. */
const PATIENCE = 300_000;

const protocol = {
  "resd.batchSize": 2,
  "resd.updatesPerBatch": 1,
  "resd.evaluation": { at: [{ every: 2 }], tasks: 2, samples: 1, teacher: false },
};

const writeMatrix = (name: string, matrix: object): string => {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(matrix));
  return file;
};

/** Starts `resd compare`; its cells lie in a folder of this test. */
const start = (matrix: string, name: string, ...more: ReadonlyArray<string>) => {
  const args = [join(import.meta.dirname, "main.ts"), "compare", matrix, ...more];
  const places = ["--cells", join(folder, `${name}-cells`), "--out", join(folder, `${name}-out`)];
  const child = spawn(process.execPath, [...args, ...places], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
  });
  let out = "";
  let error = "";
  child.stdout.on("data", (data) => (out += data));
  child.stderr.on("data", (data) => (error += data));
  const ended = new Promise<{ code: number | null; out: string; error: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, out, error }));
  });
  return { child, ended };
};

describe("resd compare", { timeout: PATIENCE }, () => {
  it("runs what has not been run, reports all of it, and prints it as JSON", async () => {
    const matrix = writeMatrix("short.json", {
      seeds: [1],
      config: { ...protocol, "resd.updates": 1 },
      variants: [
        { name: "words" },
        { name: "no words", variant: "sdpo" },
        { name: "broken", config: { "environment.options.heldOutSize": 0 } },
      ],
    });
    const first = await start(matrix, "short").ended;
    assert.strictEqual(first.code, 1);
    assert.match(first.error, /finished {2}words seed 1: [\d.]+ % after 2 interactions/);
    assert.match(first.error, /failed {4}broken seed 1: Expected a value between 1 and \d+, got 0/);
    assert.match(first.out, /variant +seeds +at the end/);
    const files = readdirSync(join(folder, "short-out"));
    assert.includeMembers(files, ["compare.json", "report.html", "tables.md", "curves.csv"]);

    const again = await start(matrix, "short", "--json", "--report").ended;
    assert.strictEqual(again.code, 0, again.error);
    const report = JSON.parse(again.out);
    assert.deepEqual(
      report.cells.map((cell: { variant: string; curve: ReadonlyArray<object> }) => [
        cell.variant,
        cell.curve.length,
      ]),
      [
        ["words", 2],
        ["no words", 2],
      ],
    );
    assert.strictEqual(report.failures[0].message, "not run yet");
    const cells = readdirSync(join(folder, "short-cells"));
    assert.isTrue(
      cells.every((name) => !name.endsWith(".lock")),
      cells.join(", "),
    );
    const second = await start(matrix, "short").ended;
    assert.match(second.error, /2 from before/);
    assert.notMatch(second.error, /finished/);
  });

  it("ends its cells in good order when Ctrl-C stops it", async () => {
    const matrix = writeMatrix("long.json", {
      seeds: [1],
      config: { ...protocol, "resd.updates": 100_000 },
      variants: [{ name: "long", variant: "sdpo" }],
    });
    const { child, ended } = start(matrix, "long");
    const cells = join(folder, "long-cells");
    const cellNow = () =>
      existsSync(cells) ? readdirSync(cells).find((name) => !name.endsWith(".lock")) : undefined;
    const hasUpdates = () => {
      const name = cellNow();
      const file = name === undefined ? "" : join(cells, name, "metrics.jsonl");
      return existsSync(file) && readFileSync(file, "utf8").includes('"type":"update"');
    };
    while (!hasUpdates() && child.exitCode === null) await sleep(50);
    child.kill("SIGINT");
    const { code, error } = await ended;
    assert.strictEqual(code, 130, error);
    assert.match(error, /the same command goes on/);
    const summary = JSON.parse(readFileSync(join(cells, cellNow()!, "summary.json"), "utf8"));
    assert.strictEqual(summary.outcome, "interrupted");
    assert.isAtLeast(summary.updates, 1);
    assert.isFalse(existsSync(join(cells, cellNow()!, "cell.json")));
    assert.isTrue(readdirSync(cells).every((name) => !name.endsWith(".lock")));
  });

  it("names the cell that was killed, goes on with the others, and runs it anew the next time", async () => {
    const matrix = writeMatrix("killed.json", {
      seeds: [1],
      config: { ...protocol, "resd.updates": 1 },
      variants: [
        { name: "unlucky", variant: "sdpo", config: { "resd.updates": 40 } },
        { name: "other", variant: "sdpo" },
      ],
    });
    const { child, ended } = start(matrix, "killed", "--jobs", "1");
    const cells = join(folder, "killed-cells");
    const hasUpdates = () => {
      const name = existsSync(cells)
        ? readdirSync(cells).find((one) => one.startsWith("unlucky") && !one.endsWith(".lock"))
        : undefined;
      const file = name === undefined ? "" : join(cells, name, "metrics.jsonl");
      return existsSync(file) && readFileSync(file, "utf8").includes('"type":"update"');
    };
    while (!hasUpdates() && child.exitCode === null) await sleep(20);
    const processes = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
    for (const line of processes.split("\n")) {
      const [pid, parent] = line.trim().split(/\s+/).map(Number);
      if (parent === child.pid && pid !== undefined) process.kill(pid, "SIGKILL");
    }
    const first = await ended;
    assert.strictEqual(first.code, 1);
    assert.match(
      first.error,
      /failed {4}unlucky seed 1: Expected the process to end with the run, got SIGKILL, at .*; start the comparison again/,
    );
    assert.match(first.error, /finished {2}other seed 1/);
    const tables = readFileSync(join(folder, "killed-out", "tables.md"), "utf8");
    assert.match(tables, /unlucky \| 1 \| Expected the process to end with the run, got SIGKILL/);

    const again = await start(matrix, "killed").ended;
    assert.strictEqual(again.code, 0, again.error);
    assert.match(again.error, /1 from before/);
    assert.match(again.error, /finished {2}unlucky seed 1/);
    assert.notMatch(readFileSync(join(folder, "killed-out", "tables.md"), "utf8"), /SIGKILL/);
  });

  it("refuses a matrix with a fault, and runs nothing", async () => {
    const matrix = writeMatrix("wrong.json", { seeds: [1], variant: [{ name: "a" }] });
    const { code, error } = await start(matrix, "wrong").ended;
    assert.strictEqual(code, 1);
    assert.match(error, /got variant, at .*wrong\.json; did you mean variants\?/);
    assert.isFalse(existsSync(join(folder, "wrong-cells")));
  });
});
