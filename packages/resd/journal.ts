/** How a run reports: events to the tracker in order, and the seconds that each phase has taken so far. */
import { type Phase, type RunEvent, Tracker } from "@resd/core";
import { Clock, Effect } from "effect";

/**
 * Runs an effect as part of a phase: announces it with what is being waited for, and its end with the seconds it took
 * and, where the result tells, the tokens it made.
 */
export type During = <A, E, R>(
  phase: Phase,
  waitingFor: string,
  effect: Effect.Effect<A, E, R>,
  tokens?: (result: A) => number,
) => Effect.Effect<A, E, R>;

/** No announcements: for work that is already part of a phase. */
export const inSilence: During = (_phase, _waitingFor, effect) => effect;

/** What a run reports through. */
export interface Journal {
  readonly emit: (event: RunEvent) => Effect.Effect<void>;
  readonly during: (update: number) => During;
  /** Seconds by phase, so far; phases that never ran are absent. */
  readonly seconds: () => Readonly<Partial<Record<Phase, number>>>;
}

/** A journal that writes to the run's tracker. @param before seconds by phase that the run has taken already. */
export const makeJournal = Effect.fnUntraced(function* (
  before: Readonly<Partial<Record<Phase, number>>> = {},
): Effect.fn.Return<Journal, never, Tracker> {
  const tracker = yield* Tracker;
  const spent = new Map(Object.entries(before)) as Map<Phase, number>;
  return {
    emit: tracker.event,
    during: (update) => (phase, waitingFor, effect, tokens) =>
      Effect.gen(function* () {
        yield* tracker.event({ _tag: "PhaseStarted", update, phase, waitingFor });
        const start = yield* Clock.monotonicTimeNanos;
        const result = yield* effect;
        const seconds = Number((yield* Clock.monotonicTimeNanos) - start) / 1e9;
        spent.set(phase, (spent.get(phase) ?? 0) + seconds);
        yield* tracker.event({
          _tag: "PhaseEnded",
          update,
          phase,
          seconds,
          ...(tokens === undefined ? {} : { tokens: tokens(result) }),
        });
        return result;
      }),
    seconds: () => Object.fromEntries(spent),
  };
});
