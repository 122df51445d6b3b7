import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { extractExamples } from "./extract_examples.ts";

export interface WrittenExample {
  /** Page and line, as a reader would cite it. */
  readonly name: string;
  readonly path: string;
}

const list = (folder: string): ReadonlyArray<string> =>
  existsSync(folder) ? readdirSync(folder).toSorted() : [];

/**
 * Writes the runnable examples of README.md and docs/*.md to docs/examples/, where imports resolve as docs/package.json declares
 * and where the type checker sees them.
 *
 * Files of examples that are gone are removed, and unchanged files are not touched: a type check may be reading them.
 */
export const writeExamples = (root: string): ReadonlyArray<WrittenExample> => {
  const folder = join(root, "docs/examples");
  const pages = [
    "README.md",
    ...list(join(root, "docs"))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ].filter((page) => existsSync(join(root, page)));
  const examples = pages.flatMap((page) =>
    extractExamples(readFileSync(join(root, page), "utf8")).map(({ line, code }) => {
      const stem = basename(page, ".md")
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, "_");
      return { name: `${page}:${line}`, path: join(folder, `${stem}_${line}.ts`), code };
    }),
  );
  const wanted = new Set(examples.map(({ path }) => path));
  for (const path of list(folder).map((name) => join(folder, name))) {
    if (!wanted.has(path)) rmSync(path, { recursive: true });
  }
  if (examples.length > 0) mkdirSync(folder, { recursive: true });
  for (const { path, code } of examples) {
    if (!existsSync(path) || readFileSync(path, "utf8") !== code) writeFileSync(path, code);
  }
  return examples.map(({ name, path }) => ({ name, path }));
};
