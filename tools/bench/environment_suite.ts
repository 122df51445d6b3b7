/** Suite `environments`: how many episodes a second each environment plays on its own, without a policy. */
import { NodeServices } from "@effect/platform-node";
import { type Action, Environment, type EpisodeContext, type TaskRow } from "@resd/core";
import { layer as bouncingSim } from "@resd/env-bouncing-sim";
import { layer as finer } from "@resd/env-finer";
import { layer as kestrel } from "@resd/env-kestrel";
import { layer as manufactoria } from "@resd/env-manufactoria";
import { layer as puzzles } from "@resd/env-puzzles";
import { layer as sql } from "@resd/env-sql";
import { layer as quickjs } from "@resd/sandbox-quickjs";
import { Console, Duration, Effect, Layer } from "effect";
import {
  inTurns,
  type Measurement,
  measurement,
  type SuiteOptions,
  timed,
  type Unit,
} from "./measurement.ts";
import { sandboxCalls } from "./sandbox_calls.ts";

/** An environment with all that it needs, and how many episodes a repeat plays: its tasks again and again. */
interface Contestant {
  readonly name: string;
  readonly layer: Layer.Layer<Environment, unknown>;
  readonly episodes: number;
}

const CONTESTANTS: ReadonlyArray<Contestant> = [
  { name: "kestrel", layer: kestrel({ seed: 1 }), episodes: 4096 },
  { name: "manufactoria", layer: manufactoria({}), episodes: 742 },
  { name: "finer", layer: Layer.provide(finer({}), NodeServices.layer), episodes: 16_384 },
  { name: "puzzles", layer: puzzles({ seed: 1 }), episodes: 256 },
  {
    name: "bouncing-sim",
    layer: Layer.provide(bouncingSim({ seed: 1, trainSize: 64 }), quickjs({})),
    episodes: 128,
  },
  { name: "sql", layer: sql({ seed: 1, trainSize: 64 }), episodes: 1024 },
];

const episodesPerSecond = (episodes: number): Unit => ({
  name: "episodes/s",
  of: (time) => (episodes / time) * 1000,
  rate: true,
});

const contextOf = (index: number): EpisodeContext => ({
  episodeId: `bench/${index}`,
  seed: index,
  group: { index: 0, size: 1 },
  limits: { maxTurns: 16, stepTimeout: Duration.seconds(10), maxObservationChars: 20_000 },
});

const WRONG: Action = { content: "This is no answer.", stop: "eos" };

/** What is answered: a right answer until the episode ends, or one that cannot be read. */
const ANSWERS = {
  right: (row: TaskRow<unknown>): Action => row.gold ?? WRONG,
  unreadable: (): Action => WRONG,
} as const;

/** Draws a task, opens an episode, and answers until it ends. */
const play = Effect.fnUntraced(function* (
  index: number,
  answer: (row: TaskRow<unknown>) => Action,
) {
  const environment = yield* Environment;
  const { size, get } = environment.tasks("train");
  const row = yield* get(size === "infinite" ? index : index % size);
  const context = contextOf(index);
  const episode = yield* environment.open(row, context);
  for (let turn = 0; turn < context.limits.maxTurns; turn++) {
    const { status } = yield* episode.step(answer(row));
    if (status !== "running") break;
  }
}, Effect.scoped);

/** One episode after another, as many as the contestant names. */
const playAll = ({ episodes }: Contestant, answer: (row: TaskRow<unknown>) => Action) =>
  Effect.forEach(
    Array.from({ length: episodes }, (_, index) => index),
    (index) => play(index, answer),
    { discard: true },
  );

export const environmentSuite = Effect.fnUntraced(function* (options: SuiteOptions) {
  const { repeats, only } = options;
  const measurements: Array<Measurement> = [];
  for (const contestant of CONTESTANTS) {
    for (const [kind, answer] of Object.entries(ANSWERS)) {
      const name = `${contestant.name}, ${kind} answers`;
      if (!name.includes(only)) continue;
      yield* Console.error(`measuring ${name}`);
      const { ours } = yield* Effect.gen(function* () {
        yield* playAll(contestant, answer); // the first round compiles
        return yield* inTurns(repeats, timed(playAll(contestant, answer)), undefined);
      }).pipe(Effect.provide(contestant.layer));
      measurements.push(
        measurement({
          name,
          peerName: "",
          unit: episodesPerSecond(contestant.episodes),
          threads: 1,
          ours,
          peer: undefined,
        }),
      );
    }
  }
  measurements.push(...(yield* sandboxCalls(options)));
  return measurements as ReadonlyArray<Measurement>;
});
