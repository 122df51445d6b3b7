/** `resd compare`: runs a matrix of variants by seeds, and says what follows from it. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import {
  type Conducted,
  MatrixError,
  type MatrixPlan,
  cellFolder,
  cellName,
  conductMatrix,
  finishedCell,
  planMatrix,
  readMatrix,
} from "@resd/compare";
import { Console, Effect, type FileSystem, Option, type Path } from "effect";
import { processRunner } from "./cell_process.ts";
import { showProgress, standardError } from "./compare_screen.ts";
import { makeFingerprint } from "./fingerprint.ts";
import { hostLayer } from "./host.ts";
import { shippedModel } from "./read_definition.ts";

export interface CompareInput {
  readonly matrix: string;
  readonly jobs: Option.Option<number>;
  readonly out: Option.Option<string>;
  readonly cells: string;
  readonly json: boolean;
  /** Only say which cells there are. */
  readonly dryRun: boolean;
}

const summaryText = ({ results }: Conducted): string =>
  results
    .map(({ variant, seed, curve }) => {
      const { interactions, success } = curve.at(-1)!;
      return `${variant}  seed ${seed}  ${interactions} interactions  ${(success * 100).toFixed(1)} %`;
    })
    .join("\n");

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

export const compare = Effect.fnUntraced(
  function* (input: CompareInput) {
    const matrix = yield* readMatrix(input.matrix);
    const planning = { below: shippedModel(), fingerprint: makeFingerprint() };
    if (input.dryRun) return yield* sayPlan(yield* planMatrix(matrix, planning), input);
    const out = Option.getOrElse(input.out, () => join("runs", "compare", matrix.name));
    const screen = yield* showProgress(standardError());
    const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>();
    const conducted = yield* conductMatrix(
      matrix,
      planning,
      processRunner(
        input.cells,
        (effect) => Effect.provideContext(effect, services),
        screen.progress,
      ),
      {
        jobs: Option.getOrElse(input.jobs, availableParallelism),
        listener: screen.listener,
      },
    );
    void out;
    yield* Console.log(input.json ? JSON.stringify(conducted) : summaryText(conducted));
    const { failures } = conducted;
    if (failures.length > 0) {
      return yield* new MatrixError({
        message: `Expected every cell to finish, got ${failures.length} that did not; the others are in the report, and the same command runs these again`,
      });
    }
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
