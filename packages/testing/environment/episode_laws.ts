/** Laws of an episode's life: single-use, independent of its siblings, replayable, and gone when its Scope closes. */
import { type Action, EpisodeClosedError, type TaskRow } from "@resd/core";
import { Effect, Fiber } from "effect";
import { demand, type Law, law } from "../law.ts";
import {
  type Bench,
  type Built,
  comparable,
  contextOf,
  play,
  sampleRows,
  stepToEnd,
} from "./bench.ts";

const wrong: Action = { content: "certainly not the answer", stop: "eos" };

/** What is played when the law is not about scores: the gold action where there is one. */
const someAction = (row: TaskRow<unknown>): Action => row.gold ?? wrong;

const DROPPED = 100;

/** Open handles and timers by kind, where the runtime can tell; immediates come from the scheduler itself. */
const openResources = (): ReadonlyArray<string> => {
  const { process } = globalThis as { process?: { getActiveResourcesInfo?: () => Array<string> } };
  return (process?.getActiveResourcesInfo?.() ?? []).filter((kind) => kind !== "Immediate");
};

const firstRow = <R>(bench: Bench<R>, environment: Built) =>
  Effect.map(sampleRows(bench, environment), (rows) => rows[0] as TaskRow<unknown>);

export const episodeLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => {
  const laws: ReadonlyArray<Law<R>> = [
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
      "an episode ends within its limit of turns; ended by the limit, it says truncated",
      Effect.scoped(
        Effect.gen(function* () {
          const environment = yield* bench.build;
          for (const row of yield* sampleRows(bench, environment)) {
            const { results, last } = yield* play(bench, environment, row, wrong);
            yield* demand(
              last.status !== "running" && results.length <= bench.limits.maxTurns,
              `an end within ${bench.limits.maxTurns} turns`,
              { turns: results.length, status: last.status },
              `at ${row.key}: return status "truncated" at limits.maxTurns`,
            );
          }
        }),
      ),
    ),
    law(
      "environment.episode.dropped",
      `${DROPPED} episodes opened and dropped leave nothing open, and the next one works`,
      Effect.scoped(
        Effect.gen(function* () {
          const environment = yield* bench.build;
          const row = yield* firstRow(bench, environment);
          yield* play(bench, environment, row, wrong); // what is opened once and kept is not a leak
          const before = openResources();
          for (let i = 0; i < DROPPED; i++) {
            yield* Effect.scoped(environment.open(row, contextOf(bench, row)));
          }
          const after = openResources();
          yield* demand(
            after.length <= before.length,
            `${before.length} open handles and timers, as before`,
            after,
            "acquire what an episode holds with Effect.acquireRelease in `open`",
          );
          yield* play(bench, environment, row, wrong);
        }),
      ),
    ),
    law(
      "environment.episode.interrupted",
      "an interrupted step releases the episode, and the next one works",
      Effect.scoped(
        Effect.gen(function* () {
          const environment = yield* bench.build;
          const row = yield* firstRow(bench, environment);
          const before = yield* play(bench, environment, row, wrong);
          for (let i = 0; i < 3; i++) {
            const fiber = yield* Effect.forkChild(play(bench, environment, row, wrong));
            for (let turn = 0; turn < i; turn++) yield* Effect.yieldNow;
            yield* Fiber.interrupt(fiber);
          }
          const after = yield* play(bench, environment, row, wrong);
          yield* demand(
            bench.manifest.determinism === "stochastic" ||
              comparable(before.results) === comparable(after.results),
            "the result from before the interruption",
            after.results,
            "keep the state of an episode in the episode",
          );
        }),
      ),
    ),
  ];
  return bench.manifest.determinism === "stochastic" ? laws : [...laws, ...replayLaws(bench)];
};

const replayLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => [
  law(
    "environment.episode.parallel",
    "episodes played at the same time give what they give one after another",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        const rows = yield* sampleRows(bench, environment);
        const plays = rows.flatMap((row) =>
          [someAction(row), wrong].map((action) => play(bench, environment, row, action)),
        );
        const sequential = yield* Effect.all(plays);
        const parallel = yield* Effect.all(plays, { concurrency: "unbounded" });
        for (const [i, { results }] of parallel.entries()) {
          yield* demand(
            comparable(results) === comparable(sequential[i]?.results ?? []),
            "the results of playing alone",
            results,
            "episodes share state: keep it inside `open`",
          );
        }
      }),
    ),
  ),
  law(
    "environment.replay.same",
    "recorded actions replayed in a new instance give the same rewards, tests and feedback",
    Effect.gen(function* () {
      const record = Effect.scoped(
        Effect.gen(function* () {
          const environment = yield* bench.build;
          const rows = yield* sampleRows(bench, environment);
          return yield* Effect.forEach(rows, (row) =>
            Effect.map(
              Effect.forEach([someAction(row), wrong], (action) =>
                play(bench, environment, row, action),
              ),
              (played) => comparable(played.flatMap(({ results }) => results)),
            ),
          );
        }),
      );
      const first = yield* record;
      const second = yield* record;
      for (const [i, results] of second.entries()) {
        yield* demand(
          results === first[i],
          "the recorded results",
          results,
          "grade from the task, the action and context.seed only",
        );
      }
    }),
  ),
];
