/** `resd compare`: runs a matrix of variants by seeds, and says what follows from it. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import {
  type CellRunner,
  type Comparison,
  type Matrix,
  MatrixError,
  type MatrixPlan,
  type Planning,
  analyse,
  cellFolder,
  cellName,
  conductMatrix,
  finishedCell,
  mainTable,
  planMatrix,
  readMatrix,
  reportFiles,
  tableText,
} from "@resd/compare";
import { Console, Effect, FileSystem, Option, type Path } from "effect";
import { processRunner } from "./cell_process.ts";
import { showProgress, standardError } from "./compare_screen.ts";
import { makeFingerprint } from "./fingerprint.ts";
import { hostLayer } from "./host.ts";
import { inkFor } from "./ink.ts";
import { shippedModel } from "./read_definition.ts";

export interface CompareInput {
  readonly matrix: string;
  readonly jobs: Option.Option<number>;
  readonly out: Option.Option<string>;
  readonly cells: string;
  readonly json: boolean;
  /** Only say which cells there are. */
  readonly dryRun: boolean;
  /** Only report what has been run. */
  readonly report: boolean;
}

/** Writes the files of a report, each whole or not at all. */
const writeReport = Effect.fnUntraced(function* (folder: string, comparison: Comparison) {
  const fs = yield* FileSystem.FileSystem;
  yield* fs.makeDirectory(join(folder, "figures"), { recursive: true });
  for (const [name, text] of Object.entries(reportFiles(comparison))) {
    const file = join(folder, name);
    yield* fs.writeFileString(`${file}.partial`, text);
    yield* fs.rename(`${file}.partial`, file);
  }
});

const terminalText = (comparison: Comparison, folder: string): string => {
  const ink = inkFor(process.stdout);
  const colours = { holds: "green", reversed: "red", undecided: "yellow" } as const;
  return [
    tableText(mainTable(comparison)),
    "",
    ...comparison.claims.map(
      ({ text, verdict, evidence }) =>
        `${ink(colours[verdict], verdict.padEnd(9))}  ${text}\n           ${ink("dim", evidence)}`,
    ),
    ...(comparison.claims.length === 0 ? [] : [""]),
    `The report: ${join(folder, "report.html")} (figures/, compare.json, tables.md and CSV beside it)`,
  ].join("\n");
};

/** Says which cells there are, and which of them have been run. */
const sayPlan = Effect.fnUntraced(function* ({ cells }: MatrixPlan, input: CompareInput) {
  const found = yield* Effect.forEach(
    cells,
    Effect.fnUntraced(function* (cell) {
      const folder = yield* cellFolder(input.cells, cell);
      return { cell, folder, finished: (yield* finishedCell(cell, folder)) !== undefined };
    }),
  );
  if (input.json) {
    const told = found.map(
      ({ cell: { variant, seed, role, key, resolved }, folder, finished }) => ({
        variant,
        seed,
        role,
        key,
        folder,
        finished,
        config: resolved.config,
      }),
    );
    return yield* Console.log(JSON.stringify(told));
  }
  const lines = found.map(
    ({ cell, folder, finished }) =>
      `${finished ? "finished" : "to run  "}  ${cellName(cell)}  ${folder}`,
  );
  const missing = found.filter(({ finished }) => !finished).length;
  yield* Console.log([...lines, `${missing} of ${found.length} cells to run`].join("\n"));
});

/** Leaves a cell as it is, for a report of what there is. */
const notRun: CellRunner["run"] = ({ variant, seed, role, key }) =>
  Effect.succeed({
    _tag: "Failed",
    failure: { variant, seed, role, key, folder: "", message: "not run yet" },
  });

const sayInterrupted = Console.error(
  "Interrupted. Cells that have finished stay; the same command goes on, and with --report it says what there is.",
);

/** Runs what has not been run; progress is shown until the scope ends. */
const conduct = Effect.fnUntraced(function* (
  matrix: Matrix,
  planning: Planning,
  { cells, report }: CompareInput,
  jobs: number,
) {
  const screen = yield* showProgress(standardError());
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>();
  const runner = processRunner(
    cells,
    (effect) => Effect.provideContext(effect, services),
    screen.progress,
  );
  return yield* conductMatrix(matrix, planning, report ? { ...runner, run: notRun } : runner, {
    jobs,
    listener: report ? () => Effect.void : screen.listener,
  }).pipe(Effect.onInterrupt(() => sayInterrupted));
});

export const compare = Effect.fnUntraced(function* (input: CompareInput) {
  const jobs = Option.getOrElse(input.jobs, availableParallelism);
  if (jobs < 1) {
    return yield* new MatrixError({
      message: `Expected at least one cell at a time, got ${jobs}, at --jobs; leave it out for as many as there are cores`,
    });
  }
  const matrix = yield* readMatrix(input.matrix);
  const planning = {
    below: shippedModel(),
    cells: input.cells,
    fingerprint: makeFingerprint(),
  };
  if (input.dryRun) return yield* sayPlan(yield* planMatrix(matrix, planning), input);
  const out = Option.getOrElse(input.out, () => join("runs", "compare", matrix.name));
  const conducted = yield* Effect.scoped(conduct(matrix, planning, input, jobs));
  const comparison = analyse(matrix, conducted);
  yield* writeReport(out, comparison);
  yield* Console.log(input.json ? JSON.stringify(comparison) : terminalText(comparison, out));
  const { failures } = conducted;
  if (failures.length > 0 && !input.report) {
    return yield* new MatrixError({
      message: `Expected every cell to finish, got ${failures.length} that did not; the others are in the report, and the same command runs these again`,
    });
  }
}, Effect.provide(hostLayer));
