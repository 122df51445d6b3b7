/** Two runs that take their updates in turns, so that both meet the same load of the machine. */
import { type Phase, Tracker } from "@resd/core";
import { Clock, Effect, Layer, Queue } from "effect";

/** One update of a run. */
export interface UpdateTime {
  readonly milliseconds: number;
  /** By phase; what is missing to `milliseconds` was spent between phases. */
  readonly phases: Readonly<Partial<Record<Phase, number>>>;
}

export interface Watched {
  /** Listens to the run, and holds it back while it is the other's turn. */
  readonly layer: Layer.Layer<Tracker>;
  /** Updates so far, in order. */
  readonly updates: ReadonlyArray<UpdateTime>;
  /** Milliseconds of every evaluation of a role. */
  readonly evaluations: ReadonlyArray<number>;
}

interface Turn {
  readonly queue: Queue.Queue<void>;
  ended: boolean;
}

const watch = (own: Turn, other: Turn): Watched => {
  const updates: Array<UpdateTime> = [];
  const evaluations: Array<number> = [];
  let phases: Partial<Record<Phase, number>> = {};
  let start = 0n;
  const begin = Effect.gen(function* () {
    if (!other.ended) yield* Queue.take(own.queue);
    phases = {};
    start = yield* Clock.monotonicTimeNanos;
  });
  const pass = Effect.asVoid(Queue.offer(other.queue, undefined));
  return {
    updates,
    evaluations,
    layer: Layer.succeed(
      Tracker,
      Tracker.of({
        event: Effect.fnUntraced(function* (event) {
          switch (event._tag) {
            case "Started":
              yield* begin;
              break;
            case "PhaseEnded": {
              const milliseconds = event.seconds * 1000;
              if (event.phase === "evaluate") evaluations.push(milliseconds);
              else phases[event.phase] = (phases[event.phase] ?? 0) + milliseconds;
              break;
            }
            case "Updated": {
              const end = yield* Clock.monotonicTimeNanos;
              updates.push({ milliseconds: Number(end - start) / 1e6, phases });
              yield* pass;
              yield* begin;
              break;
            }
            case "Ended":
              own.ended = true;
              yield* pass;
              break;
          }
        }),
      }),
    ),
  };
};

/** The first may begin at once. */
export const inTurnsByUpdate: Effect.Effect<readonly [Watched, Watched]> = Effect.gen(function* () {
  const turn = Effect.map(Queue.unbounded<void>(), (queue): Turn => ({ queue, ended: false }));
  const first = yield* turn;
  const second = yield* turn;
  yield* Queue.offer(first.queue, undefined);
  return [watch(first, second), watch(second, first)] as const;
});
