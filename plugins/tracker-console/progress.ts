/** What is known of a run that goes on: folded from its events, without any clock of its own. */
import type { Evaluation, Phase, RunEvent } from "@resd/core";

/** All times are milliseconds of the caller's clock. */
export interface Progress {
  readonly name: string;
  readonly seed: number;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  /** Inner updates planned and done. */
  readonly updates: number;
  readonly done: number;
  readonly startedAt: number;
  /** When the first update began; evaluation before it says nothing about the rate of updates. */
  readonly updatesSince: number | undefined;
  readonly phase:
    | { readonly name: Phase; readonly waitingFor: string; readonly since: number }
    | undefined;
  readonly metrics: Readonly<Record<string, number | string>>;
  readonly evaluation: Evaluated | undefined;
  readonly first: Evaluated | undefined;
  /** Milliseconds spent on evaluations since the first update, and on one evaluation. */
  readonly evaluating: number;
  readonly evaluationMillis: number;
}

export interface Evaluated {
  readonly update: number;
  readonly student: Evaluation;
  readonly teacher: Evaluation | undefined;
}

export const noProgress = (now: number): Progress => ({
  name: "",
  seed: 0,
  facts: {},
  updates: 0,
  done: 0,
  startedAt: now,
  updatesSince: undefined,
  phase: undefined,
  metrics: {},
  evaluation: undefined,
  first: undefined,
  evaluating: 0,
  evaluationMillis: 0,
});

/** The progress after an event that came at a moment. */
export const follow = (before: Progress, event: RunEvent, now: number): Progress => {
  switch (event._tag) {
    case "Started":
      return {
        ...before,
        name: event.name,
        seed: event.seed,
        facts: event.facts,
        updates: event.updates,
      };
    case "PhaseStarted":
      return {
        ...before,
        phase: { name: event.phase, waitingFor: event.waitingFor ?? event.phase, since: now },
        updatesSince:
          before.updatesSince ??
          (event.phase === "load" || event.phase === "evaluate" ? undefined : now),
      };
    case "PhaseEnded": {
      const counts = event.phase === "evaluate" && before.updatesSince !== undefined;
      const evaluating = before.evaluating + (counts ? event.seconds * 1000 : 0);
      return { ...before, phase: undefined, evaluating };
    }
    case "Updated":
      return { ...before, done: event.update + 1, metrics: event.metrics };
    case "Evaluated": {
      const evaluation = { update: event.update, student: event.student, teacher: event.teacher };
      return {
        ...before,
        evaluation,
        first: before.first ?? evaluation,
        evaluationMillis: event.seconds * 1000,
      };
    }
    default:
      return before;
  }
};

/** Milliseconds that one update takes, evaluations left out; undefined before the first is done. */
export const millisPerUpdate = (progress: Progress, now: number): number | undefined => {
  const { done, updatesSince, evaluating, phase } = progress;
  if (done === 0 || updatesSince === undefined) return undefined;
  const current = phase?.name === "evaluate" ? now - phase.since : 0;
  return Math.max(0, now - updatesSince - evaluating - current) / done;
};

/**
 * Milliseconds until the end: updates to come at the rate so far, evaluations to come at the spacing so far. Undefined
 * before the first update is done.
 */
export const millisLeft = (progress: Progress, now: number): number | undefined => {
  const rate = millisPerUpdate(progress, now);
  const { updates, done, evaluation, evaluationMillis } = progress;
  if (rate === undefined || !Number.isFinite(updates)) return undefined;
  const spacing = evaluation !== undefined && evaluation.update > 0 ? evaluation.update : undefined;
  const evaluations = spacing === undefined ? 1 : Math.ceil((updates - done) / spacing);
  return rate * (updates - done) + Math.max(1, evaluations) * evaluationMillis;
};
