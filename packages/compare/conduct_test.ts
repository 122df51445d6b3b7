import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect, Fiber } from "effect";
import { madeUpCell } from "./_made_up.ts";
import { matrixFrom, planning, planningServices } from "./_planning.ts";
import { type Cell, cellName } from "./cell.ts";
import type { CellOutcome, CellRunner, ConductEvent } from "./cell_queue.ts";
import { conductMatrix } from "./conduct.ts";

const two = {
  seeds: [1, 2],
  variants: [{ name: "a" }, { name: "b", config: { "resd.lr": 0.5 } }],
};

const swept = {
  ...two,
  tuning: { seeds: [100, 101, 102] },
  variants: [
    { name: "a", sweep: [{ "resd.lr": 0.1 }, { "resd.lr": 0.2 }] },
    { name: "like a", like: "a", config: { "resd.solutionBuffer": false } },
  ],
};

const finish = (cell: Cell, successes: ReadonlyArray<number> = [0, 1]): CellOutcome => ({
  _tag: "Finished",
  result: { ...madeUpCell(cell.variant, cell.seed, successes), role: cell.role, key: cell.key },
});

const fail = ({ variant, seed, role, key }: Cell): CellOutcome => ({
  _tag: "Failed",
  failure: { variant, seed, role, key, folder: "", message: "Expected memory, got none" },
});

/** Runs a matrix with outcomes of this test; gives what it came to, what was heard, and which cells were run. */
const conduct = Effect.fnUntraced(function* (
  matrix: unknown,
  outcomeOf: (cell: Cell) => Effect.Effect<CellOutcome>,
  options: { readonly jobs?: number; readonly found?: ReadonlyMap<string, CellOutcome> } = {},
) {
  const events: Array<ConductEvent> = [];
  const ran: Array<Cell> = [];
  let running = 0;
  let most = 0;
  const runner: CellRunner = {
    find: (cell) =>
      Effect.sync(() => {
        const found = options.found?.get(cell.key);
        return found?._tag === "Finished" ? found.result : undefined;
      }),
    run: (cell) =>
      Effect.gen(function* () {
        ran.push(cell);
        most = Math.max(most, ++running);
        yield* Effect.yieldNow;
        const outcome = yield* outcomeOf(cell);
        running--;
        return outcome;
      }),
  };
  const conducted = yield* conductMatrix(
    yield* matrixFrom({ "m.json": matrix }),
    planning,
    runner,
    {
      jobs: options.jobs ?? 2,
      listener: (event) => Effect.sync(() => void events.push(event)),
    },
  );
  return { conducted, events, ran, most };
});

describe("conductMatrix()", () => {
  it.effect("conductMatrix() runs every variant on every seed, seed by seed, jobs at a time", () =>
    Effect.gen(function* () {
      const { conducted, ran, most, events } = yield* conduct(
        { ...two, seeds: [1, 2, 3] },
        (cell) => Effect.succeed(finish(cell)),
      );
      assert.deepStrictEqual(ran.map(cellName), [
        "a seed 1",
        "b seed 1",
        "a seed 2",
        "b seed 2",
        "a seed 3",
        "b seed 3",
      ]);
      assert.strictEqual(most, 2);
      assert.deepStrictEqual(
        conducted.results.map(({ variant, seed }) => `${variant}${seed}`),
        ["a1", "a2", "a3", "b1", "b2", "b3"],
      );
      assert.strictEqual(conducted.configs["b"]?.resd.lr, 0.5);
      assert.strictEqual(events[0]?._tag, "Planned");
    }).pipe(Effect.provide(planningServices)),
  );

  it.effect("conductMatrix() tunes first, then runs everything with what was chosen", () =>
    Effect.gen(function* () {
      // The second setting gets there earlier.
      const { conducted, ran } = yield* conduct(swept, (cell) =>
        Effect.succeed(finish(cell, cell.resolved.config.resd.lr === 0.2 ? [0, 1] : [0, 0.1, 1])),
      );
      const results = ran.filter(({ role }) => role._tag === "Result");
      assert.deepStrictEqual(
        ran.slice(0, 6).map(({ role, seed }) => [role._tag === "Tuning" && role.setting, seed]),
        [
          [0, 100],
          [0, 101],
          [0, 102],
          [1, 100],
          [1, 101],
          [1, 102],
        ],
      );
      assert.deepStrictEqual(
        new Set(results.map((cell) => cell.resolved.config.resd.lr)),
        new Set([0.2]),
      );
      assert.deepStrictEqual(
        results.map((cell) => [cell.variant, cell.resolved.config.resd.solutionBuffer]),
        [
          ["a", true],
          ["like a", false],
          ["a", true],
          ["like a", false],
        ],
      );
      assert.strictEqual(conducted.sweeps.length, 1);
      assert.deepStrictEqual(conducted.settings, { a: "resd.lr 0.2", "like a": "resd.lr 0.2" });
      assert.strictEqual(conducted.tuning.length, 6);
    }).pipe(Effect.provide(planningServices)),
  );

  it.effect("conductMatrix() does not run again what has been found", () =>
    Effect.gen(function* () {
      const first = yield* conduct(two, (cell) => Effect.succeed(finish(cell)));
      const found = new Map(first.ran.slice(0, 3).map((cell) => [cell.key, finish(cell)]));
      const second = yield* conduct(two, (cell) => Effect.succeed(finish(cell)), { found });
      assert.deepStrictEqual(second.ran.map(cellName), ["b seed 2"]);
      assert.deepStrictEqual(second.conducted.results, first.conducted.results);
    }).pipe(Effect.provide(planningServices)),
  );

  it.effect(
    "conductMatrix() goes on when a cell fails, and when every setting of a sweep does",
    () =>
      Effect.gen(function* () {
        const one = yield* conduct(two, (cell) =>
          Effect.succeed(cell.variant === "a" && cell.seed === 1 ? fail(cell) : finish(cell)),
        );
        assert.strictEqual(one.conducted.results.length, 3);
        assert.deepStrictEqual(
          one.conducted.failures.map(({ variant, seed }) => [variant, seed]),
          [["a", 1]],
        );
        const all = yield* conduct(
          { ...swept, variants: [...swept.variants, { name: "b" }] },
          (cell) => Effect.succeed(cell.role._tag === "Tuning" ? fail(cell) : finish(cell)),
        );
        assert.deepStrictEqual(
          all.conducted.results.map(({ variant }) => variant),
          ["b", "b"],
        );
        assert.strictEqual(all.conducted.failures.length, 6 + 4);
        assert.match(all.conducted.failures.at(-1)!.message, /No setting of a could be run/);
      }).pipe(Effect.provide(planningServices)),
  );

  it.effect("conductMatrix() runs once what two variants have in common", () =>
    Effect.gen(function* () {
      const same = { seeds: [1], variants: [{ name: "a" }, { name: "also a" }] };
      const { conducted, ran } = yield* conduct(same, (cell) => Effect.succeed(finish(cell)));
      assert.strictEqual(ran.length, 1);
      assert.deepStrictEqual(
        conducted.results.map(({ variant }) => variant),
        ["a", "also a"],
      );
    }).pipe(Effect.provide(planningServices)),
  );

  it.effect("conductMatrix() loses a variant alone that does not go with the chosen setting", () =>
    Effect.gen(function* () {
      const { conducted } = yield* conduct(
        {
          ...swept,
          variants: [
            { name: "a", sweep: [{}, { "resd.reflect": false, "resd.playbook": "none" }] },
            { name: "b", like: "a", config: { "resd.concise.cap": 7 } },
          ],
        },
        (cell) =>
          Effect.succeed(finish(cell, cell.resolved.config.resd.reflect ? [0, 0.1, 1] : [0, 1])),
      );
      assert.deepStrictEqual(
        conducted.results.map(({ variant }) => variant),
        ["a", "a"],
      );
      assert.match(
        conducted.failures[0]!.message,
        /^b seed 1: .*resd\.concise\.cap, at matrix variant b/,
      );
    }).pipe(Effect.provide(planningServices)),
  );

  it.effect("conductMatrix() gives a variant the folders of the runs that it comes after", () =>
    Effect.gen(function* () {
      const { conducted, ran } = yield* conduct(
        {
          seeds: [1, 2],
          variants: [
            { name: "a" },
            {
              name: "b",
              like: "a",
              config: { "playbook.use": "sqlite" },
              after: { variant: "a", folderAs: "playbook.options.file" },
            },
          ],
        },
        (cell) =>
          Effect.succeed(cell.variant === "a" && cell.seed === 2 ? fail(cell) : finish(cell)),
      );
      const [b] = ran.filter(({ variant }) => variant === "b");
      assert.deepStrictEqual(b?.resolved.config.playbook, {
        use: "sqlite",
        options: { file: "runs/cells/a-1" },
      });
      assert.deepStrictEqual(
        conducted.failures.map(({ variant, seed, message }) => [variant, seed, message]),
        [
          ["a", 2, "Expected memory, got none"],
          ["b", 2, "a did not finish on this seed"],
        ],
      );
    }).pipe(Effect.provide(planningServices)),
  );

  it.effect("conductMatrix() finds faults in a variant before anything is run", () =>
    Effect.gen(function* () {
      let ran = 0;
      const error = yield* Effect.flip(
        conduct(
          { seeds: [1], variants: [{ name: "a" }, { name: "b", config: { "resd.lrr": 1 } }] },
          (cell) => Effect.sync(() => (ran++, finish(cell))),
        ),
      );
      assert.match(
        error.message,
        /^b seed 1: .*resd\.lrr, at matrix variant b .*did you mean resd\.lr\?/,
      );
      assert.strictEqual(ran, 0);
    }).pipe(Effect.provide(planningServices)),
  );

  it.effect("conductMatrix() interrupts what is running when it is interrupted", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>();
      let stopped = 0;
      const fiber = yield* Effect.forkChild(
        conduct(two, () =>
          Effect.andThen(Deferred.succeed(begun, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Effect.sync(() => void stopped++)),
          ),
        ),
      );
      yield* Deferred.await(begun);
      yield* Fiber.interrupt(fiber);
      assert.isAtLeast(stopped, 1);
    }).pipe(Effect.provide(planningServices)),
  );
});

describe("cellKey()", () => {
  it.effect(
    "cellKey() is another for other values, weights and seeds, and the same for other names",
    () =>
      Effect.gen(function* () {
        const keys = Effect.fnUntraced(function* (config: object, print = "") {
          const matrix = yield* matrixFrom({
            "m.json": { seeds: [1, 2], variants: [{ name: "a", config }] },
          });
          const runner: CellRunner = {
            find: () => Effect.succeed(undefined),
            run: (cell) => Effect.succeed(finish(cell)),
          };
          const { results } = yield* conductMatrix(
            matrix,
            { ...planning, fingerprint: () => Effect.succeed(print) },
            runner,
            { jobs: 1, listener: () => Effect.void },
          );
          return results.map(({ key }) => key);
        });
        const plain = yield* keys({});
        assert.notStrictEqual(plain[0], plain[1]);
        assert.deepStrictEqual(yield* keys({ name: "other", runDir: "elsewhere" }), plain);
        assert.notDeepEqual(yield* keys({ "resd.lr": 0.5 }), plain);
        assert.notDeepEqual(yield* keys({}, "other weights"), plain);
      }).pipe(Effect.provide(planningServices)),
  );
});
