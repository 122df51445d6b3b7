/**
 * The published packages as a stranger meets them: packed, installed by plain npm into an empty folder outside of the
 * workspace, and used there. An environment is generated, tested, type-checked, validated, packed and installed in its turn,
 * and one training step is made on what was installed.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pack } from "./pack.ts";

/** A step that did not come to what it should. */
export class PackCheckError extends Error {}

/** The registry cannot be reached: nothing is known of the packages. */
export class NoRegistryError extends Error {}

const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH)\b/;

/** What a person's shell has: nothing of the workspace, and nothing that npm sets for its scripts. */
const plainEnvironment = (root: string): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_|INIT_CWD|NODE_|NX_|VITEST)/i.test(name),
    ),
  ),
  PATH: (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => !folder.startsWith(root))
    .join(delimiter),
  NO_COLOR: "1",
});

const run = (
  folder: string,
  env: NodeJS.ProcessEnv,
  command: string,
  args: ReadonlyArray<string>,
): string => {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder,
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error !== undefined) throw error;
  if (status !== 0) {
    throw new PackCheckError(
      `Expected ${[command, ...args].join(" ")} to succeed, got exit code ${status}, at ${folder}\n${stdout.slice(-4000)}${stderr.slice(-4000)}`,
    );
  }
  return stdout;
};

const demand = (holds: boolean, expected: string, got: unknown): void => {
  if (!holds) throw new PackCheckError(`Expected ${expected}, got ${JSON.stringify(got)}`);
};

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

const NAME = "my-env";
/** Under this name the packed environment is installed, so that it is not the folder itself. */
const INSTALLED = "packed-env";

const WRITE_MODEL = `
import { NodeServices } from "@effect/platform-node";
import { writeChatModel } from "@resd/testing";
import { Effect } from "effect";
const config = { max_position_embeddings: 3072 };
const written = writeChatModel("tiny", { seed: 1, config });
await Effect.runPromise(written.pipe(Effect.provide(NodeServices.layer)));
`;

/** One update on two tasks, and replies far shorter than any that make sense. */
const BRIEF = [
  "--preset=paper/base",
  "--model=tiny",
  "--resd.updates=1",
  "--resd.updatesPerBatch=1",
  "--resd.batchSize=2",
  "--resd.rolloutsPerPrompt=2",
  "--resd.sampling.rollout.maxTokens=6",
  "--resd.sampling.evaluate.maxTokens=6",
  "--resd.sampling.reflect.maxTokens=16",
  "--resd.evaluation.samples=1",
  "--resd.evaluation.tasks=2",
  "--environment.options.trainSize=2",
  "--environment.options.testSize=2",
];

const NO_SCRIPTS = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];

/** Runs the whole check. @param keep leaves the folder behind. */
export const packCheck = (root: string, keep: boolean): void => {
  const place = mkdtempSync(join(tmpdir(), "resd-pack-check-"));
  const home = join(place, NAME);
  const env = plainEnvironment(root);
  const began = performance.now();
  const step = (what: string, work: () => string) => {
    const start = performance.now();
    const said = work();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${seconds.padStart(6)} s  ${what}${said === "" ? "" : `: ${said}`}`);
  };
  try {
    step("packed", () => `${pack(root, join(place, "tarballs")).length} packages`);
    step("resd env new", () => {
      const main = join(root, "apps/cli/main.ts");
      run(place, env, process.execPath, [main, "env", "new", NAME, "--from", "tarballs"]);
      return readdirSync(home).join(", ");
    });
    step("npm install", () => {
      try {
        run(home, env, "npm", ["install", ...NO_SCRIPTS]);
      } catch (error) {
        const unreachable = UNREACHABLE.exec(String(error))?.[1];
        if (unreachable === undefined) throw error;
        throw new NoRegistryError(`Expected a registry, got ${unreachable}; nothing was checked`);
      }
      return `Node.js ${run(home, env, "npx", ["node", "--version"]).trim()}`;
    });
    step("npm test", () => {
      run(home, env, "npm", ["test", "--", "--reporter=json", "--outputFile=tests.json"]);
      const { numPassedTests, numTotalTests } = JSON.parse(
        readFileSync(join(home, "tests.json"), "utf8"),
      );
      demand(numTotalTests > 0 && numPassedTests === numTotalTests, "all tests to pass", {
        numPassedTests,
        numTotalTests,
      });
      return `${numPassedTests} tests passed`;
    });
    step("types", () => run(home, env, "npm", ["run", "--silent", "check"]).trim());
    step("resd env validate", () => {
      const said = run(home, env, "npx", ["resd", "env", "validate", ".", "--json"]);
      const { counts } = JSON.parse(lastLine(said));
      demand(counts.broken === 0, "no broken criterion", counts);
      return `${counts.kept} of ${counts.criteria} criteria kept`;
    });
    step("npm pack, npm install", () => {
      const [packed] = JSON.parse(run(home, env, "npm", ["pack", "--json"]));
      const { filename, files } = packed as {
        readonly filename: string;
        readonly files: ReadonlyArray<{ readonly path: string }>;
      };
      const paths = files.map(({ path }) => path);
      demand(
        paths.includes("my_env.js") && !paths.some((path) => /(?<!\.d)\.ts$/.test(path)),
        "JavaScript, and no TypeScript",
        paths,
      );
      const spec = `${INSTALLED}@file:${filename}`;
      run(home, env, "npm", ["install", "--no-save", ...NO_SCRIPTS, spec]);
      return paths.join(", ");
    });
    step("resd train, one update", () => {
      writeFileSync(join(home, "write_model.mjs"), WRITE_MODEL);
      run(home, env, "npx", ["node", "write_model.mjs"]);
      const said = run(home, env, "npx", ["resd", "train", "--env", INSTALLED, ...BRIEF, "--json"]);
      const { updates, interactions, outcome } = JSON.parse(lastLine(said));
      demand(outcome === "finished" && updates === 1, "one update", { outcome, updates });
      return `${interactions} attempts, ${updates} update`;
    });
    console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  in all`);
  } finally {
    if (keep) console.log(`left in ${place}`);
    else rmSync(place, { recursive: true, force: true });
  }
};
