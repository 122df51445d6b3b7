/**
 * `node tools/workspace/main.ts check | examples | size | pack [folder] | pack-check [--keep]`: the rules of the house, the
 * pages' examples, the size report, tarballs of everything that is published, and whether they work elsewhere.
 */
import { join, resolve } from "node:path";
import { findViolations } from "./find_violations.ts";
import { measureSize, renderSizes } from "./measure_size.ts";
import { NoRegistryError, packCheck } from "./pack/check.ts";
import { pack } from "./pack/pack.ts";
import { readWorkspace } from "./workspace.ts";
import { writeExamples } from "./write_examples.ts";

const root = join(import.meta.dirname, "../..");

/** Exit code of a check that could not begin (EX_TEMPFAIL). */
const NO_REGISTRY = 75;

const verbs: Readonly<Record<string, () => void>> = {
  check: () => {
    const workspace = readWorkspace(root);
    const violations = findViolations(workspace);
    for (const { where, message } of violations) console.error(`${where}: ${message}`);
    const files = workspace.packages.reduce((sum, pkg) => sum + pkg.sources.length, 0);
    console.log(
      `${violations.length} violations in ${workspace.packages.length} packages, ${files} files`,
    );
    process.exitCode = violations.length === 0 ? 0 : 1;
  },
  examples: () => console.log(`${writeExamples(root).length} runnable examples in the pages`),
  pack: () => {
    const to = resolve(process.argv[3] ?? join(root, "dist/tarballs"));
    console.log(`${pack(root, to).length} tarballs in ${to}`);
  },
  "pack-check": () => {
    try {
      packCheck(root, process.argv.includes("--keep"));
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
      process.exitCode = error instanceof NoRegistryError ? NO_REGISTRY : 1;
    }
  },
  size: () => console.log(renderSizes(readWorkspace(root).packages.map(measureSize))),
};

const verb = process.argv[2] ?? "";
const run = verbs[verb];
if (run === undefined) {
  console.error(`Expected one of ${Object.keys(verbs).join(", ")}, got "${verb}"`);
  process.exitCode = 2;
} else {
  run();
}
