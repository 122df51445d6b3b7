/** Runs the cells of a matrix: sweeps first, then the comparison with what they chose. */
import type { ConfigError, RunConfig, RunHost } from "@resd/run";
import { Deferred, Effect, type FileSystem, type Path, Semaphore } from "effect";
import { type Cell, settingText } from "./cell.ts";
import type { CellFailure, CellResult } from "./cell_result.ts";
import type { MatrixError } from "./matrix.ts";
import { type Planning, planMatrix, resultCells, sweepKey, sweepOf } from "./plan.ts";
import type { Matrix, Sweep } from "./read_matrix.ts";
import { type SweepOutcome, chooseSetting } from "./sweep.ts";

/** What became of a cell. */
export type CellOutcome =
  | { readonly _tag: "Finished"; readonly result: CellResult }
  | { readonly _tag: "Failed"; readonly failure: CellFailure };

/** Makes runs. */
export interface CellRunner {
  /** What a cell measured, if it has been run before. */
  readonly find: (cell: Cell) => Effect.Effect<CellResult | undefined>;
  /** Runs a cell in a place of its own. It never fails: what goes wrong is an outcome. */
  readonly run: (cell: Cell) => Effect.Effect<CellOutcome>;
}

/** What a listener hears. */
export type ConductEvent =
  /** All cells that will be needed; those of the comparison may still lack their setting. */
  | { readonly _tag: "Planned"; readonly cells: ReadonlyArray<Cell>; readonly jobs: number }
  | { readonly _tag: "Found"; readonly cell: Cell; readonly result: CellResult }
  | { readonly _tag: "Started"; readonly cell: Cell }
  | { readonly _tag: "Ended"; readonly cell: Cell; readonly outcome: CellOutcome }
  | { readonly _tag: "Chosen"; readonly outcome: SweepOutcome };

/** Everything that the cells of a matrix came to. */
export interface Conducted {
  readonly results: ReadonlyArray<CellResult>;
  readonly tuning: ReadonlyArray<CellResult>;
  readonly failures: ReadonlyArray<CellFailure>;
  readonly sweeps: ReadonlyArray<SweepOutcome>;
  /** Text of the chosen setting, of variants that have one. */
  readonly settings: Readonly<Record<string, string>>;
  /** What the cells of each variant were run with, on the first seed. */
  readonly configs: Readonly<Record<string, RunConfig>>;
}

type Needs = FileSystem.FileSystem | Path.Path | RunHost;

/**
 * Runs every cell of a matrix that has not been run before, `jobs` at a time; a failure ends its cell alone. All
 * configurations are resolved before the first cell starts, so that a fault in the file costs no time.
 */
export const conductMatrix = Effect.fn("compare.conductMatrix")(function* (
  matrix: Matrix,
  planning: Planning,
  runner: CellRunner,
  options: {
    readonly jobs: number;
    readonly listener: (event: ConductEvent) => Effect.Effect<void>;
  },
): Effect.fn.Return<Conducted, MatrixError | ConfigError, Needs> {
  const { jobs, listener } = options;
  const { seeds, variants, tuning } = matrix;
  const plan = yield* planMatrix(matrix, planning);
  const { provisional } = plan;
  const sweeps = yield* Effect.forEach(plan.sweeps, (planned) =>
    Effect.map(Deferred.make<number | null>(), (chosen) => ({ ...planned, chosen })),
  );
  yield* listener({
    _tag: "Planned",
    cells: plan.cells,
    jobs,
  });

  const permits = yield* Semaphore.make(jobs);
  const results: Array<CellResult> = [];
  const failures: Array<CellFailure> = [];
  const outcomes: Array<SweepOutcome> = [];
  const settings: Record<string, string> = {};
  const configs: Record<string, RunConfig> = {};
  const tuned: Array<CellResult> = [];

  /** Outcomes by key: of two variants that are the same run, one waits for the other. */
  const underway = new Map<string, Deferred.Deferred<CellOutcome>>();
  const findOrRun = Effect.fnUntraced(function* (cell: Cell) {
    const found = yield* runner.find(cell);
    if (found !== undefined) {
      yield* listener({ _tag: "Found", cell, result: found });
      return { _tag: "Finished", result: found } satisfies CellOutcome;
    }
    return yield* permits.withPermit(
      Effect.gen(function* () {
        yield* listener({ _tag: "Started", cell });
        const outcome = yield* runner.run(cell);
        yield* listener({ _tag: "Ended", cell, outcome });
        return outcome;
      }),
    );
  });
  const runCell = Effect.fnUntraced(function* (cell: Cell, into: Array<CellResult>) {
    const { variant, seed, role } = cell;
    const same = underway.get(cell.key);
    const own = same ?? Deferred.makeUnsafe<CellOutcome>();
    underway.set(cell.key, own);
    if (same === undefined) yield* Deferred.succeed(own, yield* findOrRun(cell));
    const outcome = yield* Deferred.await(own);
    if (outcome._tag === "Failed") {
      failures.push({ ...outcome.failure, variant, seed, role });
      if (same !== undefined) yield* listener({ _tag: "Ended", cell, outcome });
    } else {
      into.push({ ...outcome.result, variant, seed, role });
      if (same !== undefined) yield* listener({ _tag: "Found", cell, result: outcome.result });
    }
  });
  const runAll = (cells: ReadonlyArray<Cell>, into: Array<CellResult>) =>
    Effect.forEach(cells, (cell) => runCell(cell, into), {
      concurrency: "unbounded",
      discard: true,
    });

  const tune = Effect.fnUntraced(function* ({ sweep, cells, chosen }: (typeof sweeps)[number]) {
    const mine: Array<CellResult> = [];
    yield* runAll(cells, mine);
    tuned.push(...mine);
    const keys = new Set(cells.map(({ key }) => key));
    const outcome = chooseSetting(
      {
        variant: sweep.variant,
        seeds: tuning!.seeds,
        threshold: tuning!.threshold,
        texts: sweep.settings.map(settingText),
      },
      mine,
      failures.filter(({ key }) => keys.has(key)),
    );
    outcomes.push(outcome);
    yield* listener({ _tag: "Chosen", outcome });
    yield* Deferred.succeed(chosen, outcome.chosen);
  });

  /** The setting of a sweep, once it is known. */
  const settingOf = (sweep: Sweep) =>
    Effect.map(
      Deferred.await(sweeps.find((one) => sweepKey(one.sweep) === sweepKey(sweep))!.chosen),
      (chosen) => (chosen === null ? undefined : sweep.settings[chosen]),
    );

  const ready = yield* Effect.forEach(variants, () => Deferred.make<ReadonlyArray<Cell>>());
  const settle = Effect.forEach(
    variants,
    Effect.fnUntraced(function* (variant, i) {
      const sweep = sweepOf(variant);
      const setting = sweep === undefined ? undefined : yield* settingOf(sweep);
      const cells =
        sweep === undefined
          ? provisional[i]!
          : setting === undefined
            ? []
            : yield* resultCells(variant, seeds, setting, planning);
      if (cells.length === 0) {
        failures.push(
          ...provisional[i]!.map(({ variant: name, seed, role, key }) => ({
            variant: name,
            seed,
            role,
            key,
            folder: "",
            message: `No setting of ${sweep?.variant} could be run`,
          })),
        );
      }
      if (setting !== undefined) settings[variant.name] = settingText(setting);
      if (cells[0] !== undefined) configs[variant.name] = cells[0].resolved.config;
      yield* Deferred.succeed(ready[i]!, cells);
    }),
    { concurrency: "unbounded", discard: true },
  );
  // Seed by seed, so that a comparison that is stopped early still has pairs.
  const compare = Effect.forEach(
    seeds.flatMap((_, place) => ready.map((cells) => ({ cells, place }))),
    Effect.fnUntraced(function* ({ cells, place }) {
      const cell = (yield* Deferred.await(cells))[place];
      if (cell !== undefined) yield* runCell(cell, results);
    }),
    { concurrency: "unbounded", discard: true },
  );
  yield* Effect.all(
    [Effect.forEach(sweeps, tune, { concurrency: "unbounded", discard: true }), settle, compare],
    { concurrency: "unbounded", discard: true },
  );
  const place = ({ variant, seed }: { readonly variant: string; readonly seed: number }) =>
    variants.findIndex(({ name }) => name === variant) * 1e6 + seeds.indexOf(seed);
  return {
    results: results.toSorted((a, b) => place(a) - place(b)),
    tuning: tuned,
    failures,
    sweeps: outcomes,
    settings,
    configs,
  };
});
