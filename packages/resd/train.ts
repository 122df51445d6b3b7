/** A run of RESD from the untrained policy to its summary. */
import {
  type Curator,
  Environment,
  Format,
  Playbook,
  Policy,
  type Reflector,
  RunSeed,
  type TaskRow,
  type Tracker,
} from "@resd/core";
import { describe } from "@resd/objectives";
import { Cause, Clock, Effect, Exit } from "effect";
import { requireCompatible } from "./compose.ts";
import type { ResdConfig } from "./config.ts";
import { playbookKey } from "./context_update.ts";
import type { TrainError } from "./error.ts";
import { evaluate, heldOutTasks } from "./evaluate.ts";
import { makeJournal } from "./journal.ts";
import { followPlaybooks } from "./playbook_history.ts";
import { evaluationDue, isOver } from "./protocol.ts";
import { reportUngraded } from "./report.ts";
import type { RunState } from "./run_state.ts";
import { makeSolutionBuffer } from "./solution_buffer.ts";
import { step } from "./step.ts";
import { batchPlaces, planStream, stopsEarly } from "./stream.ts";
import { makeStudentPlaybook } from "./student_playbook.ts";
import { type CurvePoint, type Summary, countUse, makeTotals, summaryOf } from "./summary.ts";

/** Everything that a run is composed of. */
export type Seams = Environment | Policy | Format | Reflector | Curator | Playbook | Tracker;

/** Measures the student, and the teacher if the run asks for it; a point of the curve. */
const measure = Effect.fnUntraced(function* (
  config: ResdConfig,
  state: RunState,
  rows: ReadonlyArray<TaskRow<unknown>>,
) {
  const { journal, totals, seed } = state;
  const { updates: update, interactions } = totals;
  const heldOut = rows.filter((row) => !state.brokenTasks.has(row.key));
  const playbook = yield* Playbook;
  const start = yield* Clock.monotonicTimeNanos;
  const role = Effect.fnUntraced(function* (as: "student" | "teacher") {
    const views = new Map(
      yield* Effect.forEach(
        as === "teacher" && config.sections.playbook ? heldOut : [],
        Effect.fnUntraced(function* ({ key: taskKey }) {
          const key = playbookKey(config.playbook, taskKey);
          const entries = key === undefined ? [] : (yield* playbook.view(key)).entries;
          return [taskKey, entries] as const;
        }),
      ),
    );
    const measured = yield* evaluate(config, seed, heldOut, as, (key) => views.get(key) ?? []);
    totals.evaluationEpisodes += measured.episodes;
    countUse(totals, "evaluate", measured.use);
    yield* reportUngraded(measured.rollouts, state, update);
    return measured.evaluation;
  });
  const during = journal.during(update);
  const asked = heldOut.length * config.evaluation.samples;
  const student = yield* during("evaluate", `${asked} answers of the student`, role("student"));
  const teacher = config.evaluation.teacher
    ? yield* during("evaluate", `${asked} answers of the teacher`, role("teacher"))
    : undefined;
  const point: CurvePoint = {
    update,
    interactions,
    student,
    ...(teacher === undefined ? {} : { teacher }),
  };
  totals.curve.push(point);
  const seconds = Number((yield* Clock.monotonicTimeNanos) - start) / 1e9;
  yield* journal.emit({ _tag: "Evaluated", ...point, seconds });
});

/**
 * Trains the composed policy by RESD and returns the summary.
 *
 * The order is that of the paper: an evaluation of the untrained policy, then batch after batch in file order,
 * K inner updates on each, an evaluation every so many updates and one at the end. Compositions that could not work are
 * refused before the first event. From the first event on, an `Ended` event closes the run however it ends, by failure
 * or interruption too, with everything counted until then.
 *
 * All draws come from {@linkcode RunSeed}: same seed, parts and machine, same events, apart from seconds.
 *
 * @param options.variant names what was composed, in events and summary.
 */
export const train = Effect.fn("resd.train")(function* (
  config: ResdConfig,
  options: { readonly variant: string },
): Effect.fn.Return<Summary, TrainError, Seams> {
  const environment = yield* Environment;
  const policy = yield* Policy;
  const format = yield* Format;
  const seed = yield* RunSeed;
  const start = yield* Clock.monotonicTimeNanos;

  const warnings = yield* requireCompatible(config);
  const source = environment.tasks(config.splits.train);
  const plan = yield* planStream(config, source, seed);
  const heldOut = yield* heldOutTasks(config);
  const state: RunState = {
    seed,
    journal: yield* makeJournal,
    buffer: makeSolutionBuffer(),
    studentPlaybook: makeStudentPlaybook(config.studentPlaybook?.every),
    history: yield* followPlaybooks,
    totals: makeTotals(),
    brokenTasks: new Set(),
  };
  const { journal, totals } = state;
  totals.parameters = yield* policy.version("student");

  const summarize = Effect.fnUntraced(function* (finished: boolean) {
    const wallSeconds = Number((yield* Clock.monotonicTimeNanos) - start) / 1e9;
    const phases = journal.seconds();
    return summaryOf(totals, { variant: options.variant, seed, wallSeconds, phases, finished });
  });

  const run = Effect.gen(function* () {
    yield* journal.emit({
      _tag: "Started",
      variant: options.variant,
      seed,
      updates: plan.updates,
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
    for (const warning of warnings) yield* journal.emit({ _tag: "Warned", update: 0, ...warning });
    for (const { task, reason } of [...plan.dropped, ...heldOut.dropped]) {
      yield* journal.emit({
        _tag: "Warned",
        update: 0,
        code: "dropped-task",
        message: `${task}: ${reason}`,
      });
    }

    yield* measure(config, state, heldOut.rows);
    const over = () =>
      totals.updates === plan.updates ||
      isOver(
        config.stop,
        totals,
        totals.curve.map((point) => point.student.perTask),
      );
    for (let batch = 0; batch < plan.batches && !over(); batch++) {
      const rows = yield* Effect.forEach(batchPlaces(plan, config.batchSize, batch), source.get);
      state.studentPlaybook.startBatch();
      let before: ReadonlyMap<string, number> | undefined;
      for (let inner = 0; inner < config.updatesPerBatch; inner++) {
        if (over()) break;
        const scores = yield* step(config, state, { update: totals.updates, batch, inner }, rows);
        if (evaluationDue(config.evaluation, totals, totals.curve.at(-1)?.interactions ?? 0))
          yield* measure(config, state, heldOut.rows);
        if (stopsEarly(config.earlyStop, inner + 1, scores, before)) break;
        before = scores;
      }
    }
    if (totals.curve.at(-1)?.update !== totals.updates) yield* measure(config, state, heldOut.rows);

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
