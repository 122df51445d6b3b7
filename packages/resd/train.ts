/** A run of RESD from the untrained policy to its summary. */
import {
  type Curator,
  Environment,
  Format,
  type Playbook,
  type PlaybookError,
  Policy,
  type PolicyError,
  type Probe,
  type Reflector,
  RunSeed,
  type Tracker,
} from "@resd/core";
import { describe } from "@resd/objectives";
import { Cause, Clock, Effect, Exit } from "effect";
import { bestPoint, chosenBy, isOutOfPatience } from "./best.ts";
import type { ResdConfig } from "./config.ts";
import { ResdError, type TrainError } from "./error.ts";
import { heldOutTasks } from "./evaluate.ts";
import { makeJournal } from "./journal.ts";
import { type TasksSetAside, measure } from "./measure.ts";
import { type CurrentPhase, preparePhases } from "./phases.ts";
import { followPlaybooks } from "./playbook_history.ts";
import { evaluationDue, isOver } from "./protocol.ts";
import type { RunState } from "./run_state.ts";
import { step } from "./step.ts";
import { batchPlaces, planStream, stopsEarly } from "./stream.ts";
import { type CurvePoint, type EndedBy, type Summary, summaryOf } from "./summary.ts";
import { takeProbes } from "./take_probes.ts";
import {
  FIRST_UPDATE,
  type NextUpdate,
  type TrainState,
  captureState,
  restoreMemory,
  restoreTotals,
} from "./train_state.ts";
import { watched } from "./watch.ts";

/** Everything that a run is composed of. */
export type Seams = Environment | Policy | Format | Reflector | Curator | Playbook | Tracker;

/** What the caller of a run decides besides its configuration. */
export interface TrainOptions {
  /** Names what was composed, in events and summary. */
  readonly name: string;
  /** Keeps the policy and the playbook as they are, in the place of those that were kept before (evaluation.keepBest). */
  readonly keep?: (best: CurvePoint) => Effect.Effect<void, PolicyError | PlaybookError>;
  /** Asked before the first update and after the last; none unless given. */
  readonly probes?: ReadonlyArray<Probe>;
  /**
   * Called after every so many inner updates, or after the first one that ends when so many seconds have passed since the
   * last call, when policy, playbook and this state belong together.
   */
  readonly checkpoint?: {
    readonly every?: number;
    readonly seconds?: number;
    readonly keep: (state: TrainState) => Effect.Effect<void, PolicyError | PlaybookError>;
  };
  /** The state of a run that was cut off; its policy and its playbook are those in the context. */
  readonly from?: TrainState;
}

/**
 * Trains the composed policy by RESD and returns the summary.
 *
 * The order is that of the paper: an evaluation of the untrained policy, then batch after batch in file order,
 * K inner updates on each, an evaluation every so many updates and one at the end. Compositions that could not work are
 * refused before the first event. From the first event on, an `Ended` event closes the run however it ends, by failure
 * or interruption too, with everything counted until then.
 *
 * All draws come from {@linkcode RunSeed}: same seed, parts and machine, same events, apart from seconds. That holds for a
 * run that goes on from a state too: from there on its events are those of the run that was not cut off.
 */
export const train = Effect.fn("resd.train")(function* (
  config: ResdConfig,
  options: TrainOptions,
): Effect.fn.Return<Summary, TrainError, Seams> {
  const environment = yield* Environment;
  const policy = yield* Policy;
  const format = yield* Format;
  const seed = yield* RunSeed;
  const start = yield* Clock.monotonicTimeNanos;
  const { from } = options;
  const elapsed = Effect.map(
    Clock.monotonicTimeNanos,
    (time) => (from?.wallSeconds ?? 0) + Number(time - start) / 1e9,
  );

  const ways = yield* preparePhases(config);
  const source = environment.tasks(config.splits.train);
  const plan = yield* planStream(config, source, seed);
  const heldOut = yield* heldOutTasks(config);
  const { keepBest } = config.evaluation;
  const select =
    config.splits.select === undefined ? undefined : yield* heldOutTasks(config, "select");
  const tasksSetAside: TasksSetAside = {
    heldOut: heldOut.rows,
    ...(select === undefined ? {} : { select: select.rows }),
  };
  const counted = restoreTotals(from);
  const state: RunState = {
    seed,
    journal: watched(yield* makeJournal(from?.seconds), counted.diagnoses, from?.watch),
    history: yield* followPlaybooks,
    totals: counted,
    ...restoreMemory(from, config.studentPlaybook?.every),
  };
  const { journal, totals } = state;
  const parameters = yield* policy.version("student");
  if (from !== undefined && from.totals.parameters !== parameters) {
    return yield* new ResdError({
      reason: "protocol",
      message: `Expected the weights ${from.totals.parameters} of the run that was cut off, got ${parameters}; load the policy that was kept with the state`,
    });
  }
  totals.parameters = parameters;

  let now: CurrentPhase = { config };

  const summarize = Effect.fnUntraced(function* (finished: boolean) {
    const wallSeconds = yield* elapsed;
    const phases = journal.seconds();
    return summaryOf(totals, {
      name: options.name,
      seed,
      wallSeconds,
      phases,
      finished,
      ...(keepBest === undefined
        ? {}
        : { best: { measure: keepBest, split: config.splits.select ?? config.splits.evaluate } }),
    });
  });

  const evaluateNow = Effect.gen(function* () {
    const point = yield* measure(now.config, state, tasksSetAside);
    if (keepBest === undefined || options.keep === undefined) return;
    if (bestPoint(totals.curve, keepBest) !== point) return;
    const keeping = `the best policy so far, ${keepBest} ${chosenBy(point, keepBest)}`;
    yield* journal.during(point.update)("save", keeping, options.keep(point));
  });

  let keptAt = from?.wallSeconds ?? 0;
  const keepState = Effect.fnUntraced(function* (next: NextUpdate) {
    const { checkpoint } = options;
    if (checkpoint === undefined) return;
    const { every = Infinity, seconds = Infinity } = checkpoint;
    const time = yield* elapsed;
    if (totals.updates % every !== 0 && time - keptAt < seconds) return;
    keptAt = time;
    const kept = Effect.flatMap(elapsed, (wallSeconds) =>
      checkpoint.keep(captureState(state, next, wallSeconds)),
    );
    yield* journal.during(totals.updates)("save", "a checkpoint", kept);
  });

  const announce = Effect.gen(function* () {
    yield* journal.emit({
      _tag: "Started",
      name: options.name,
      seed,
      updates: plan.updates,
      ...(from === undefined ? {} : { done: totals.updates }),
      facts: {
        environment: environment.manifest.id,
        model: policy.info.model,
        parameters: policy.info.parameters,
        backend: policy.info.backend,
        format: format.id,
        objective: describe(config.objective),
        batchSize: config.batchSize,
        rolloutsPerPrompt: config.rolloutsPerPrompt,
        updatesPerBatch: config.updatesPerBatch,
        tasks: plan.usable.length,
        heldOut: heldOut.rows.length,
        deterministic: policy.capabilities.deterministic,
      },
    });
    if (from !== undefined) return;
    for (const warning of ways.warnings)
      yield* journal.emit({ _tag: "Warned", update: 0, ...warning });
    for (const { task, reason } of [
      ...plan.dropped,
      ...heldOut.dropped,
      ...(select?.dropped ?? []),
    ]) {
      yield* journal.emit({
        _tag: "Warned",
        update: 0,
        code: "dropped-task",
        message: `${task}: ${reason}`,
      });
    }
  });

  const run = Effect.gen(function* () {
    yield* announce;
    now = yield* ways.next(state);
    const { probes = [] } = options;
    if (from === undefined) {
      if (probes.length > 0) yield* takeProbes(state, probes);
      yield* evaluateNow;
    }
    const endedBy = (): EndedBy | undefined => {
      if (totals.updates === plan.updates) return "updates";
      if (isOutOfPatience(config.evaluation, totals.curve)) return "patience";
      const successes = totals.curve.map((point) => point.student.perTask);
      return isOver(config.stop, totals, successes) ? "stop" : undefined;
    };
    const over = () => endedBy() !== undefined;
    let next = from?.next ?? FIRST_UPDATE;
    while (next.batch < plan.batches && !over()) {
      const { batch, inner: done } = next;
      const rows = yield* Effect.forEach(batchPlaces(plan, config.batchSize, batch), source.get);
      if (done === 0) state.studentPlaybook.startBatch();
      for (let inner = done; next.batch === batch && !over(); inner++) {
        now = yield* ways.next(state);
        const place = { update: totals.updates, batch, inner };
        const { phase } = now;
        const at = phase === undefined ? place : { ...place, phase };
        const scores = yield* step(now.config, state, at, rows);
        if (evaluationDue(config.evaluation, totals, totals.curve.at(-1)?.interactions ?? 0))
          yield* evaluateNow;
        const before = next.scores && new Map(Object.entries(next.scores));
        const last =
          inner + 1 === config.updatesPerBatch ||
          stopsEarly(config.earlyStop, inner + 1, scores, before);
        next = last
          ? { batch: batch + 1, inner: 0 }
          : { batch, inner: inner + 1, scores: Object.fromEntries(scores) };
        yield* keepState(next);
      }
    }
    totals.endedBy = endedBy() ?? "updates";
    if (totals.curve.at(-1)?.update !== totals.updates) yield* evaluateNow;
    if (probes.length > 0) yield* takeProbes(state, probes);

    const summary = yield* summarize(true);
    yield* journal.emit({ _tag: "Ended", outcome: "finished", summary });
    return summary;
  });

  return yield* run.pipe(
    Effect.onExit(
      Effect.fnUntraced(function* (exit) {
        if (Exit.isSuccess(exit)) return;
        const interrupted = Cause.hasInterruptsOnly(exit.cause);
        yield* journal.emit({
          _tag: "Ended",
          outcome: interrupted ? "interrupted" : "failed",
          ...(interrupted ? {} : { message: Cause.pretty(exit.cause) }),
          summary: yield* summarize(false),
        });
      }),
    ),
  );
});
