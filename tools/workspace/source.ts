/** What the rules need to know of one source file: its imports, and whether a module only re-exports. */
import { parseSync } from "oxc-parser";

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Erased when the file runs: nothing is loaded. */
  readonly typeOnly: boolean;
}

export interface Source {
  readonly imports: ReadonlyArray<Import>;
  /** The text of the block comment that opens the file, if one does. */
  readonly openingDoc: string | undefined;
  /** Lines of statements other than `export … from`. */
  readonly ownStatements: ReadonlyArray<number>;
  /** Names that `export { … } from` lists; undefined when `export *` hides them. */
  readonly exportedNames: ReadonlyArray<string> | undefined;
}

const literal = /^(["'`])(?<value>[^"'`$]*)\1$/;

/** Reads one TypeScript file. Throws with the parser's own message when the text is not TypeScript. */
export const readSource = (path: string, text: string): Source => {
  const parsed = parseSync(path, text);
  const error = parsed.errors[0];
  if (error !== undefined) {
    throw new Error(`Expected TypeScript, got "${error.message}", at ${path}; mend the file`);
  }
  const line = (offset: number): number => text.slice(0, offset).split("\n").length;
  const { staticImports, staticExports, dynamicImports } = parsed.module;
  const reExports = staticExports.flatMap((statement) => statement.entries);
  const imports = [
    ...staticImports.map((statement) => ({
      specifier: statement.moduleRequest.value,
      line: line(statement.start),
      typeOnly: statement.entries.length > 0 && statement.entries.every((entry) => entry.isType),
    })),
    ...reExports.flatMap((entry) =>
      entry.moduleRequest === null
        ? []
        : [
            {
              specifier: entry.moduleRequest.value,
              line: line(entry.start),
              typeOnly: entry.isType,
            },
          ],
    ),
    ...dynamicImports.flatMap(({ start, moduleRequest }) => {
      const specifier = literal.exec(text.slice(moduleRequest.start, moduleRequest.end));
      const value = specifier?.groups?.["value"];
      return value === undefined ? [] : [{ specifier: value, line: line(start), typeOnly: false }];
    }),
  ];
  const body = parsed.program.body;
  const first = parsed.comments[0];
  return {
    imports,
    openingDoc:
      first?.type === "Block" &&
      first.value.startsWith("*") &&
      text.slice(0, first.start).trim() === ""
        ? first.value
        : undefined,
    ownStatements: body
      .filter(
        (statement) =>
          statement.type !== "ExportAllDeclaration" &&
          !(statement.type === "ExportNamedDeclaration" && statement.source !== null),
      )
      .map((statement) => line(statement.start)),
    exportedNames: reExports.some((entry) => entry.exportName.name === null)
      ? undefined
      : reExports.map((entry) => entry.exportName.name as string),
  };
};
