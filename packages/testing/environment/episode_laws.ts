/** Laws of an episode's life: it opens, it is single-use, it ends, and it is gone when its Scope closes. */
import { EpisodeClosedError, type TaskRow } from "@resd/core";
import { Effect, Fiber } from "effect";
import { demand, type Law, law } from "../law.ts";
import {
  type Bench,
  type Built,
  WRONG,
  contextOf,
  play,
  sampleRows,
  someAction,
  stepToEnd,
} from "./bench.ts";

const DROPPED = 100;

/** How long a step runs before it is interrupted: so many turns of the scheduler, or so many milliseconds. */
const INTERRUPTIONS = [{ turns: 0 }, { turns: 1 }, { turns: 2 }, { millis: 1 }, { millis: 8 }];

/** Time that handles have to close: closing goes through the event loop. */
const GRACE_MILLIS = 1000;

/** Open handles and timers by kind, where the runtime can tell; immediates come from the scheduler itself. */
const openResources = (): ReadonlyArray<string> => {
  const { process } = globalThis as { process?: { getActiveResourcesInfo?: () => Array<string> } };
  return (process?.getActiveResourcesInfo?.() ?? []).filter((kind) => kind !== "Immediate");
};

/** Real time, whatever clock the laws run under. */
const pause = (millis: number) =>
  Effect.promise(() => new Promise<void>((resolve) => void setTimeout(resolve, millis)));

/** What is open once there are at most `wanted`, or when the grace is over. */
const settled = Effect.fnUntraced(function* (wanted: number) {
  for (let waited = 0; waited < GRACE_MILLIS && openResources().length > wanted; waited += 20) {
    yield* pause(20);
  }
  return openResources();
});

/** How many handles are open once that number has stopped moving, or when the grace is over. */
const steady = Effect.gen(function* () {
  let count = openResources().length;
  for (let waited = 0, still = 0; waited < GRACE_MILLIS && still < 3; waited += 10) {
    yield* pause(10);
    const now = openResources().length;
    still = now === count ? still + 1 : 0;
    count = now;
  }
  return count;
});

const firstRow = <R>(bench: Bench<R>, environment: Built) =>
  Effect.map(sampleRows(bench, environment), (rows) => rows[0] as TaskRow<unknown>);

/** Laws of how an episode begins and ends. */
const courseLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => [
  law(
    "environment.episode.opening",
    "an episode opens with a message to the student, the same for the same seed",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        for (const row of yield* sampleRows(bench, environment)) {
          const open = Effect.scoped(
            Effect.map(environment.open(row, contextOf(bench, row)), ({ initial }) => initial),
          );
          const initial = yield* open;
          const last = initial.at(-1);
          yield* demand(
            last !== undefined && last.role !== "assistant" && last.content.trim() !== "",
            "a last message of user, tool or system with content",
            initial,
            `at ${row.key}: the student answers it`,
          );
          if (bench.manifest.determinism === "stochastic") continue;
          const again = yield* open;
          yield* demand(
            JSON.stringify(initial) === JSON.stringify(again),
            "the same opening for the same seed",
            again,
            `at ${row.key}: draw from context.seed only`,
          );
        }
      }),
    ),
  ),
  law(
    "environment.episode.closed",
    "a step after the end fails with an EpisodeClosedError",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        for (const row of yield* sampleRows(bench, environment)) {
          const late = yield* Effect.scoped(
            Effect.gen(function* () {
              const episode = yield* environment.open(row, contextOf(bench, row));
              const { last } = yield* stepToEnd(episode, someAction(row), bench.limits);
              return last.status === "running"
                ? undefined
                : yield* Effect.result(episode.step(someAction(row)));
            }),
          );
          const failure = late?._tag === "Failure" ? late.failure : undefined;
          yield* demand(
            late === undefined || failure instanceof EpisodeClosedError,
            "EpisodeClosedError",
            failure ?? "another result",
            `at ${row.key}: an episode is single-use`,
          );
        }
      }),
    ),
  ),
  law(
    "environment.episode.turns",
    bench.manifest.turns === "single"
      ? "an episode ends with its first step, as the manifest says"
      : "an episode ends within its limit of turns, whatever the limit",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        const limits = bench.manifest.turns === "single" ? [1] : [1, 3, bench.limits.maxTurns];
        for (const row of yield* sampleRows(bench, environment)) {
          for (const maxTurns of limits) {
            const { results, last } = yield* play(bench, environment, row, WRONG, {
              limits: { maxTurns },
            });
            yield* demand(
              last.status !== "running" && results.length <= maxTurns,
              `an end within ${maxTurns} turns`,
              { turns: results.length, status: last.status },
              bench.manifest.turns === "single"
                ? `at ${row.key}: return status "terminated", or say turns "multi" in the manifest`
                : `at ${row.key}: return status "truncated" at limits.maxTurns`,
            );
          }
        }
      }),
    ),
  ),
];

/** Laws of what is released. */
const releaseLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => [
  law(
    "environment.episode.dropped",
    `${DROPPED} episodes opened and dropped leave nothing open, and the next one works`,
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        const row = yield* firstRow(bench, environment);
        yield* play(bench, environment, row, WRONG); // what is opened once and kept is not a leak
        const before = openResources();
        for (let i = 0; i < DROPPED; i++) {
          yield* Effect.scoped(environment.open(row, contextOf(bench, row)));
        }
        const after = yield* settled(before.length);
        yield* demand(
          after.length <= before.length,
          `${before.length} open handles and timers, as before`,
          after,
          "acquire what an episode holds with Effect.acquireRelease in `open`",
        );
        yield* play(bench, environment, row, WRONG);
      }),
    ),
  ),
  law(
    "environment.episode.interrupted",
    "an interrupted step releases what it holds, and the next episode works",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        const row = yield* firstRow(bench, environment);
        const before = yield* play(bench, environment, row, WRONG);
        const first = yield* steady;
        for (const _ of INTERRUPTIONS) yield* play(bench, environment, row, WRONG);
        const uninterrupted = yield* settled(first);
        for (const { turns = 0, millis } of INTERRUPTIONS) {
          const fiber = yield* Effect.forkChild(play(bench, environment, row, WRONG));
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow;
          if (millis !== undefined) yield* pause(millis);
          yield* Fiber.interrupt(fiber);
        }
        const left = yield* settled(uninterrupted.length);
        // What episodes leave that nobody interrupted is a matter of the law above.
        const usual = Math.max(0, uninterrupted.length - first);
        yield* demand(
          left.length <= uninterrupted.length + usual,
          `${uninterrupted.length} open handles and timers, as without interruptions`,
          left,
          "acquire what a step holds with Effect.acquireRelease or Effect.scoped",
        );
        const after = yield* play(bench, environment, row, WRONG);
        yield* demand(
          bench.manifest.determinism === "stochastic" || before.reward === after.reward,
          `reward ${before.reward}, as before the interruptions`,
          after.results,
          "keep the state of an episode in the episode",
        );
      }),
    ),
  ),
  law(
    "environment.released",
    "an environment whose Scope is closed leaves nothing open",
    Effect.gen(function* () {
      const once = Effect.scoped(
        Effect.flatMap(bench.build, (environment) => firstRow(bench, environment)),
      );
      yield* once; // what a module opens once for all is not a leak
      const before = openResources();
      for (let i = 0; i < 5; i++) yield* once;
      const after = yield* settled(before.length);
      yield* demand(
        after.length <= before.length,
        `${before.length} open handles and timers, as before`,
        after,
        "acquire what an environment holds with Effect.acquireRelease in `make`",
      );
    }),
  ),
];

export const episodeLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => [
  ...courseLaws(bench),
  ...releaseLaws(bench),
];
