/** Runs cells a few at a time, and none twice. */
import { Deferred, Effect, Semaphore } from "effect";
import type { Cell } from "./cell.ts";
import type { CellFailure, CellResult } from "./cell_result.ts";
import type { SweepOutcome } from "./sweep.ts";

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

/** Takes cells; a cell that was run before, here or by another variant that is the same run, is not run again. */
export interface CellQueue {
  /** What becomes of a cell, under its own name. */
  readonly run: (cell: Cell) => Effect.Effect<CellOutcome>;
}

/** A queue of which so many cells run at the same time. */
export const makeCellQueue = Effect.fnUntraced(function* (
  runner: CellRunner,
  jobs: number,
  listener: (event: ConductEvent) => Effect.Effect<void>,
): Effect.fn.Return<CellQueue> {
  const permits = yield* Semaphore.make(jobs);
  const underway = new Map<string, Deferred.Deferred<CellOutcome>>();

  const findOrRun = Effect.fnUntraced(function* (cell: Cell) {
    const result = yield* runner.find(cell);
    if (result !== undefined) {
      yield* listener({ _tag: "Found", cell, result });
      return { _tag: "Finished", result } satisfies CellOutcome;
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

  /** Waits for the variant that is the same run. */
  const follow = Effect.fnUntraced(function* (cell: Cell, same: Deferred.Deferred<CellOutcome>) {
    const outcome = yield* Deferred.await(same);
    yield* outcome._tag === "Finished"
      ? listener({ _tag: "Found", cell, result: outcome.result })
      : listener({ _tag: "Ended", cell, outcome });
    return outcome;
  });

  return {
    run: Effect.fnUntraced(function* (cell: Cell) {
      const { variant, seed, role } = cell;
      const same = underway.get(cell.key);
      if (same === undefined) {
        const own = Deferred.makeUnsafe<CellOutcome>();
        underway.set(cell.key, own);
        const outcome = yield* findOrRun(cell);
        yield* Deferred.succeed(own, outcome);
        return outcome._tag === "Finished"
          ? { ...outcome, result: { ...outcome.result, variant, seed, role } }
          : outcome;
      }
      const outcome = yield* follow(cell, same);
      return outcome._tag === "Finished"
        ? { ...outcome, result: { ...outcome.result, variant, seed, role } }
        : { ...outcome, failure: { ...outcome.failure, variant, seed, role } };
    }),
  };
});
