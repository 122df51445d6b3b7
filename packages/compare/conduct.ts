/** Runs the cells of a matrix: sweeps first, then the comparison with what they chose. */
import type { ConfigError, RunConfig, RunHost } from "@resd/run";
import { Deferred, Effect, type FileSystem, type Path, Result } from "effect";
import { settingText } from "./cell.ts";
import {
  type CellOutcome,
  type CellRunner,
  type ConductEvent,
  makeCellQueue,
} from "./cell_queue.ts";
import type { CellFailure, CellResult } from "./cell_result.ts";
import type { MatrixError } from "./matrix.ts";
import { type Planning, planMatrix, resultCell, sweepKey, sweepOf } from "./plan.ts";
import type { Matrix, MatrixVariant, Sweep } from "./read_matrix.ts";
import { type SweepOutcome, chooseSetting } from "./sweep.ts";

/** Everything that the cells of a matrix came to. */
export interface Conducted {
  readonly results: ReadonlyArray<CellResult>;
  readonly tuning: ReadonlyArray<CellResult>;
  readonly failures: ReadonlyArray<CellFailure>;
  readonly sweeps: ReadonlyArray<SweepOutcome>;
  /** Text of the chosen setting, of variants that have one. */
  readonly settings: Readonly<Record<string, string>>;
  /** What the cells of each variant were run with, on one of the seeds. */
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
  yield* listener({ _tag: "Planned", cells: plan.cells, jobs });
  const queue = yield* makeCellQueue(runner, jobs, listener);

  const results: Array<CellResult> = [];
  const tuned: Array<CellResult> = [];
  const failures: Array<CellFailure> = [];
  const outcomes: Array<SweepOutcome> = [];
  const settings: Record<string, string> = {};
  const configs: Record<string, RunConfig> = {};
  const note = (outcome: CellOutcome, into: Array<CellResult>): void => {
    if (outcome._tag === "Finished") into.push(outcome.result);
    else failures.push(outcome.failure);
  };

  const sweeps = yield* Effect.forEach(plan.sweeps, (planned) =>
    Effect.map(Deferred.make<number | null>(), (chosen) => ({ ...planned, chosen })),
  );
  const tune = Effect.fnUntraced(function* ({ sweep, cells, chosen }: (typeof sweeps)[number]) {
    const { seeds: tuningSeeds, threshold } = tuning!;
    const made = yield* Effect.forEach(cells, queue.run, { concurrency: "unbounded" });
    for (const outcome of made) note(outcome, tuned);
    const outcome = chooseSetting(
      {
        variant: sweep.variant,
        seeds: tuningSeeds,
        threshold,
        texts: sweep.settings.map(settingText),
      },
      made.flatMap((one) => (one._tag === "Finished" ? [one.result] : [])),
      made.flatMap((one) => (one._tag === "Failed" ? [one.failure] : [])),
    );
    outcomes.push(outcome);
    yield* listener({ _tag: "Chosen", outcome });
    yield* Deferred.succeed(chosen, outcome.chosen);
  });
  /** The setting of a sweep, once it is known; undefined when every one failed. */
  const settingOf = (sweep: Sweep) =>
    Effect.map(
      Deferred.await(sweeps.find((one) => sweepKey(one.sweep) === sweepKey(sweep))!.chosen),
      (chosen) => (chosen === null ? undefined : sweep.settings[chosen]),
    );

  const done = new Map(
    variants.map(({ name }) => [
      name,
      new Map(seeds.map((seed) => [seed, Deferred.makeUnsafe<CellOutcome>()])),
    ]),
  );
  const outcomeAt = (variant: string, seed: number) => done.get(variant)!.get(seed)!;

  /** One cell of the comparison, once everything that it needs is known. */
  const compareOne = Effect.fnUntraced(function* (variant: MatrixVariant, seed: number) {
    const { name, after } = variant;
    const lost = Effect.fnUntraced(function* (message: string) {
      const cell = plan.provisional.get(name)![seeds.indexOf(seed)]!;
      const { role, key } = cell;
      const failure = { variant: name, seed, role, key, folder: "", message };
      const outcome: CellOutcome = { _tag: "Failed", failure };
      yield* listener({ _tag: "Ended", cell, outcome });
      return outcome;
    });
    const sweep = sweepOf(variant);
    const setting = sweep === undefined ? undefined : yield* settingOf(sweep);
    if (sweep !== undefined && setting === undefined) {
      return yield* lost(`No setting of ${sweep.variant} could be run`);
    }
    if (setting !== undefined) settings[name] = settingText(setting);
    const before =
      after === undefined ? undefined : yield* Deferred.await(outcomeAt(after.variant, seed));
    if (before?._tag === "Failed") {
      return yield* lost(`${after?.variant} did not finish on this seed`);
    }
    // Another setting than the one that was planned with may not go with the variant's own values.
    const cell = yield* Effect.result(
      resultCell(variant, seed, setting, before?.result.folder, planning),
    );
    if (Result.isFailure(cell)) return yield* lost(cell.failure.message);
    configs[name] ??= cell.success.resolved.config;
    return yield* queue.run(cell.success);
  });
  // Seed by seed, so that a comparison that is stopped early still has pairs.
  const compare = Effect.forEach(
    seeds.flatMap((seed) => variants.map((variant) => ({ variant, seed }))),
    Effect.fnUntraced(function* ({ variant, seed }) {
      const outcome = yield* compareOne(variant, seed);
      note(outcome, results);
      yield* Deferred.succeed(outcomeAt(variant.name, seed), outcome);
    }),
    { concurrency: "unbounded", discard: true },
  );
  yield* Effect.all([Effect.forEach(sweeps, tune, { concurrency: "unbounded" }), compare], {
    concurrency: "unbounded",
    discard: true,
  });
  const place = ({ variant, seed }: CellResult): number =>
    variants.findIndex(({ name }) => name === variant) * seeds.length + seeds.indexOf(seed);
  return {
    results: results.toSorted((a, b) => place(a) - place(b)),
    tuning: tuned,
    failures,
    sweeps: outcomes,
    settings,
    configs,
  };
});
