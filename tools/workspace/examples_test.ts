/** Runs every example of the documentation that is marked runnable, and tests how they are found. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, describe, it } from "vitest";
import { extractExamples } from "./extract_examples.ts";
import { writeExamples } from "./write_examples.ts";

const page = "# Page\n\n```ts\nnot(this)\n```\n\n```ts runnable\nrun(this);\n```\ntext\n";

describe("runnable examples", () => {
  it("extractExamples() takes the blocks marked runnable and keeps the page's line numbers", () => {
    assert.deepEqual(extractExamples(page), [{ line: 8, code: `${"\n".repeat(7)}run(this);\n` }]);
  });

  it("extractExamples() throws with the line when a block is not closed", () => {
    assert.throws(() => extractExamples("```ts runnable\nrun();\n"), /line 1/);
  });

  it("writeExamples() writes what the pages hold and removes what they no longer hold", () => {
    const root = mkdtempSync(join(tmpdir(), "examples-"));
    mkdirSync(join(root, "docs"));
    writeFileSync(join(root, "README.md"), page);
    writeFileSync(join(root, "docs/first-run.md"), page);
    const names = writeExamples(root).map(({ name }) => name);
    assert.deepEqual(names, ["README.md:8", "docs/first-run.md:8"]);
    const folder = join(root, "docs/examples");
    assert.deepEqual(readdirSync(folder).toSorted(), ["first_run_8.ts", "readme_8.ts"]);
    assert.match(readFileSync(join(folder, "readme_8.ts"), "utf8"), /^\n{7}run/);
    writeFileSync(join(root, "README.md"), "# Nothing to run\n");
    writeExamples(root);
    assert.deepEqual(readdirSync(folder), ["first_run_8.ts"]);
  });

  for (const { name, path } of writeExamples(join(import.meta.dirname, "../.."))) {
    it(`the example at ${name} runs`, () => import(/* @vite-ignore */ path));
  }
});
