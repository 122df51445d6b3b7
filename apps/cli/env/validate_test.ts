/** `resd env validate` on environments of a single file, as a person starts it. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, assert, describe, it } from "vitest";
import { ROOT } from "../application.ts";

const folder = mkdtempSync(join(tmpdir(), "resd-validate-"));
afterAll(() => rmSync(folder, { recursive: true }));

const PATIENCE = 240_000;

interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly splits: Readonly<Record<string, { readonly size: number }>>;
  readonly results: ReadonlyArray<{
    readonly id: string;
    readonly passed: boolean;
    readonly required: boolean;
    readonly actual?: string;
  }>;
}

const validate = (file: string, text: string, ...flags: ReadonlyArray<string>) => {
  writeFileSync(join(folder, file), text);
  return new Promise<{ code: number | null; out: string; error: string }>((resolve) => {
    const main = join(ROOT, "apps/cli/main.ts");
    const child = spawn(process.execPath, [main, "env", "validate", `./${file}`, ...flags], {
      cwd: folder,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined },
    });
    let [out, error] = ["", ""];
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (error += data));
    child.on("close", (code) => resolve({ code, out, error }));
  });
};

const broken = (out: string) =>
  (JSON.parse(out) as Report).results.filter(({ passed, required }) => !passed && required);

const CAPITALS = [
  ["France", "Paris"],
  ["Peru", "Lima, of course"],
  ["Kenya", "Nairobi"],
].map(([land, capital]) =>
  JSON.stringify({ problem: `What is the capital of ${land}?`, answer: capital }),
);

describe("resd env validate", { timeout: PATIENCE }, () => {
  it("finds nothing wrong with an environment from a JSONL file and a grading function", async () => {
    writeFileSync(join(folder, "capitals.jsonl"), CAPITALS.join("\n"));
    const { code, out, error } = await validate(
      "capitals.ts",
      `import { jsonl } from "@resd/env-kit";
export const { manifest, Options, layer } = jsonl({ id: "capitals", license: "CC0-1.0", file: new URL("./capitals.jsonl", import.meta.url), grade: (answer, row) => answer === row.answer });
`,
    );
    assert.strictEqual(code, 0, error);
    assert.match(
      out,
      /^capitals {2}\.\/capitals\.ts text-[0-9a-f]+\n {2}one turn, reward 0 to 1, pure/,
    );
    assert.match(out, /train {6}2 tasks, CC0-1\.0; problems of \d+ characters/);
    assert.match(out, /\n(\d+) of \1 criteria kept, 0 broken, 0 recommended and open/);
  });

  it("catches what shows itself in a process only, each by its criterion", async () => {
    const { code, out, error } = await validate(
      "odd.ts",
      `import { defineEnvironment, EnvironmentTaskError, singleTurn } from "@resd/core";
import { Effect, Schema } from "effect";
const drawn = Math.random();
setInterval(() => {}, 1000);
export const { manifest, Options, layer } = defineEnvironment({
  manifest: {
    apiVersion: "resd/1", id: "odd", turns: "single", reward: { min: 0, max: 1 }, determinism: "pure",
    splits: { train: { size: 3, license: "CC0-1.0" } },
    feedback: { tests: false, leakage: "none", maxChars: 100 }, needs: [], gold: true,
  },
  options: Schema.Struct({}),
  task: Schema.Number,
  make: () => Effect.succeed(singleTurn<number>({
    tasks: (split) => ({
      size: split === "train" ? 3 : 0,
      get: (index) => {
        while (index < 0) continue; // blocks the event loop
        return split === "train" && Number.isInteger(index) && index < 3
          ? Effect.succeed({ key: \`odd/\${index}\`, task: index + drawn, problem: \`Say \${index}.\`, gold: { content: "said", stop: "eos" as const } })
          : Effect.fail(new EnvironmentTaskError({ message: "none", taskKey: split }));
      },
    }),
    prompt: (row) => [{ role: "user", content: row.problem }],
    grade: (_, { content, stop }) => Effect.succeed(content === "said" ? { reward: 1, success: true, parse: "ok" } : {
      reward: 0, success: false, parse: "malformed", feedback: { parts: [{ kind: stop === "max_tokens" ? "truncated" : "format", text: "Say it." }], leakage: "none" },
    }),
  })),
});
`,
      "--json",
      "--patience=10",
    );
    assert.strictEqual(code, 1);
    assert.match(error, /Expected an environment that keeps its promises, got 3 broken of \d+/);
    const [range, process, quiet, ...others] = broken(out);
    assert.isEmpty(others);
    assert.deepInclude(range, { id: "environment.tasks.range", actual: "nothing for 10 s" });
    assert.strictEqual(process?.id, "environment.replay.process");
    assert.deepInclude(quiet, {
      id: "environment.package.import-quiet",
      actual: '["Timeout"]',
    });
  });

  it("says why an environment cannot be examined at all", async () => {
    const { code, error } = await validate("none.ts", "export const layer = 3;\n");
    assert.strictEqual(code, 1);
    assert.match(error, /Expected exports layer\(options\) and Options, got layer, at .*none\.ts/);
  });
});
