/** The rules of files: their names, their size, and what a mod.ts may hold. */
import { readSource } from "./source.ts";
import type { Violation } from "./violation.ts";
import type { WorkspacePackage } from "./workspace.ts";

const snakeCase = /^_?[a-z0-9]+(?:_[a-z0-9]+)*(?:\.d)?\.ts$/;
const emptyNames = /^_?(?:utils?|helpers?|commons?|managers?|misc)\.ts$/;

/** Names that tell a reader what is inside are the documentation of the tree. */
const checkNames = ({ folder, sources }: WorkspacePackage): ReadonlyArray<Violation> =>
  sources.flatMap(({ path }) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const where = `${folder}/${path}`;
    if (!snakeCase.test(name)) return [{ where, message: "expected a name in snake_case" }];
    return emptyNames.test(name)
      ? [{ where, message: "this name says nothing; name the file after its noun" }]
      : [];
  });

const pluginNames = ["layer", "Options", "manifest"];

/** A mod.ts is the page that a reader opens first: a paragraph of documentation, then re-exports and nothing else. */
const checkMod = ({ folder, sources }: WorkspacePackage): ReadonlyArray<Violation> => {
  if (!folder.startsWith("packages/") && !folder.startsWith("plugins/")) return [];
  const where = `${folder}/mod.ts`;
  const mod = sources.find((source) => source.path === "mod.ts");
  if (mod === undefined) {
    return [
      {
        where,
        message:
          sources.length === 0
            ? "the package holds no code; write it or remove the folder"
            : "expected a mod.ts that documents the package and re-exports its API, got none",
      },
    ];
  }
  const { openingDoc, ownStatements, exportedNames } = readSource(where, mod.text);
  const found: Array<Violation> = [];
  if (openingDoc === undefined || openingDoc.replaceAll(/[\s*]/g, "").length < 40) {
    found.push({ where, message: "expected to open with a paragraph that says what this is" });
  }
  for (const line of ownStatements) {
    found.push({
      where: `${where}:${line}`,
      message: "mod.ts only re-exports; move this to a file of its own and `export … from` it",
    });
  }
  if (folder.startsWith("plugins/") && ownStatements.length === 0) {
    const others = exportedNames?.filter((name) => !pluginNames.includes(name)) ?? ["*"];
    if (others.length > 0) {
      found.push({
        where,
        message: `a plugin exports ${pluginNames.join(", ")} and nothing else, got ${others.join(", ")}`,
      });
    }
  }
  return found;
};

/** Everything that is wrong with the files of one package. */
export const checkSources = (pkg: WorkspacePackage): ReadonlyArray<Violation> => [
  ...checkNames(pkg),
  ...checkMod(pkg),
];
