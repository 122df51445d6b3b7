/** Lines of code against the budgets of the house. */
import { isTestFile, type WorkspacePackage } from "./workspace.ts";

export interface Size {
  readonly folder: string;
  /** Lines that ship, comments and blank lines included. */
  readonly lines: number;
  readonly testLines: number;
  readonly budget: number;
  /** Shipped files over the budget of a file. */
  readonly longFiles: ReadonlyArray<string>;
}

const fileBudget = 300;

/** A package, an application, a tool and a compute backend get 1,500 lines; another plugin 300. */
export const budgetOf = (folder: string): number =>
  folder.startsWith("plugins/") && !/^plugins\/(?:compute-|env-manufactoria$)/.test(folder)
    ? 300
    : 1500;

const countLines = (text: string): number =>
  text.split("\n").length - (text.endsWith("\n") ? 1 : 0);

/** What one package weighs. */
export const measureSize = ({ folder, sources }: WorkspacePackage): Size => {
  const measured = sources.map(({ path, text }) => ({ path, lines: countLines(text) }));
  const sum = (test: boolean) =>
    measured
      .filter(({ path }) => isTestFile(path) === test)
      .reduce((total, { lines }) => total + lines, 0);
  return {
    folder,
    lines: sum(false),
    testLines: sum(true),
    budget: budgetOf(folder),
    longFiles: measured
      .filter(({ path, lines }) => !isTestFile(path) && lines > fileBudget)
      .map(({ path, lines }) => `${path} (${lines})`),
  };
};

/** The report as text, one package a line; what is over its budget is said at the end of the line. */
export const renderSizes = (sizes: ReadonlyArray<Size>): string => {
  const row = (name: string, lines: string, tests: string, budget: string, note: string) =>
    `${name.padEnd(28)}${lines.padStart(8)}${tests.padStart(8)}${budget.padStart(8)}  ${note}`.trimEnd();
  const total = (of: (size: Size) => number) =>
    String(sizes.reduce((sum, size) => sum + of(size), 0));
  return [
    row("package", "lines", "tests", "budget", ""),
    ...sizes.map((size) => {
      const over = size.lines - size.budget;
      const notes = [
        ...(over > 0 ? [`${over} over`] : []),
        ...size.longFiles.map((file) => `long: ${file}`),
      ];
      return row(
        size.folder,
        String(size.lines),
        String(size.testLines),
        String(size.budget),
        notes.join(", "),
      );
    }),
    row(
      "total",
      total((size) => size.lines),
      total((size) => size.testLines),
      "",
      "",
    ),
  ].join("\n");
};
