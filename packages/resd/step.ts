/**
 * One inner iteration of RESD (Algorithm 1 of arXiv 2605.12741): act, turn failures into words,
 * let the teacher read the words beside the task, and move the student towards the teacher on the student's own tokens.
 */
import {
  type Curator,
  type CuratorError,
  type Environment,
  Format,
  type Playbook,
  type PlaybookError,
  Policy,
  type PolicyError,
  type Reflector,
  type ReflectorError,
  type TaskRow,
  rewardOf,
} from "@resd/core";
import { groupAdvantages, successRateWeights } from "@resd/objectives";
import { Effect } from "effect";
import type { ResdConfig } from "./config.ts";
import { playbookKey, updateContext } from "./context_update.ts";
import { demonstrations } from "./demonstration.ts";
import { ResdError } from "./error.ts";
import { playbookPrompt } from "./first_prompt.ts";
import { imitations } from "./imitation.ts";
import { learningRate } from "./learning_rate.ts";
import { updateMetrics } from "./metrics.ts";
import { reportPlaybooks, reportUngraded, rolloutRecords } from "./report.ts";
import { rollOut } from "./rollout.ts";
import { type Rollout, type RolloutRequest, trainingRequest } from "./rollout_request.ts";
import type { RunState } from "./run_state.ts";
import { FIRST_PHASE } from "./schedule.ts";
import { isSolved } from "./solution_buffer.ts";
import { countUse } from "./summary.ts";
import { teach, teachingOf, trainSample } from "./teach.ts";

/** Where in the run an inner iteration stands; all counted from 0. */
export interface Place {
  /** Inner update. */
  readonly update: number;
  readonly batch: number;
  /** Inner update on this batch. */
  readonly inner: number;
  /** The phase of the run's schedule; absent without one. */
  readonly phase?: string;
}

type Seams = Environment | Policy | Format | Playbook | Reflector | Curator;
type StepError = ResdError | PolicyError | PlaybookError | ReflectorError | CuratorError;

/** n requests per task, in batch order. */
const requestsFor = (
  rows: ReadonlyArray<TaskRow<unknown>>,
  size: number,
  seed: number,
  update: number,
): ReadonlyArray<RolloutRequest> =>
  rows.flatMap((row) =>
    Array.from({ length: size }, (_, index) => trainingRequest(row, { index, size }, seed, update)),
  );

/** The gold solution of every task that was attempted, by key. */
const goldSolutions = Effect.fnUntraced(function* (
  rollouts: ReadonlyArray<Rollout>,
): Effect.fn.Return<ReadonlyMap<string, string>, ResdError> {
  const missing = rollouts.find(({ row }) => row.gold === undefined);
  if (missing !== undefined) {
    return yield* new ResdError({
      reason: "incompatible",
      message: `Expected a gold solution of every task (resd.goldSolution), got none, at task ${missing.row.key}; leave resd.goldSolution out, or add gold to the environment's tasks`,
    });
  }
  return new Map(rollouts.map(({ row }) => [row.key, row.gold!.content]));
});

/** An interruption finds the policy before its step or after it; the summary tells which. */
const countIfMoved = ({ totals }: RunState, update: number) =>
  Effect.gen(function* () {
    const parameters = yield* (yield* Policy).version("student");
    if (parameters === totals.parameters) return;
    totals.updates = update + 1;
    totals.parameters = parameters;
  }).pipe(Effect.ignore);

/**
 * One inner iteration on a batch. Returns the mean reward of each task, which early stopping compares.
 *
 * Attempts that could not be graded take no part: not in words, weights or the batch of the update. When that leaves
 * nothing, the iteration fails instead of training on air.
 */
export const step = Effect.fn("resd.step")(function* (
  config: ResdConfig,
  state: RunState,
  place: Place,
  rows: ReadonlyArray<TaskRow<unknown>>,
): Effect.fn.Return<ReadonlyMap<string, number>, StepError, Seams> {
  const policy = yield* Policy;
  const format = yield* Format;
  const { update } = place;
  const { journal, totals, seed } = state;
  const during = journal.during(update);

  // Sample n responses per prompt with the current weights, and grade them.
  const tried = rows.filter((row) => !state.brokenTasks.has(row.key));
  const rolledOut = yield* rollOut(
    requestsFor(tried, config.rolloutsPerPrompt, seed, update),
    {
      as: "student",
      sampling: config.sampling.rollout,
      rewardPolicy: config.rewardPolicy,
      limits: config.limits,
      firstPrompt: (initial, row) => {
        const key = playbookKey(config.playbook, row.key);
        const shown = key === undefined ? [] : state.studentPlaybook.entries(key);
        return playbookPrompt(initial, row, shown, config.limits.promptTokens);
      },
    },
    during,
  );
  totals.interactions += rolledOut.episodes;
  countUse(totals, "rollout", rolledOut.use);
  const graded = rolledOut.rollouts.filter((rollout) => rollout.ungraded === undefined);
  const ungraded = rolledOut.rollouts.filter((rollout) => rollout.ungraded !== undefined);
  yield* reportUngraded(rolledOut.rollouts, state, update);
  if (graded.length === 0) {
    return yield* new ResdError({
      reason: "no-attempts",
      message: `Expected at least one graded attempt of ${rolledOut.rollouts.length}, got none, at update ${update}; the first failed with: ${ungraded[0]?.ungraded?.message ?? "all tasks of the batch are broken"}`,
    });
  }
  const attempts = graded.map((rollout) => rollout.attempt);
  state.observed.push({
    update,
    batch: place.batch,
    inner: place.inner,
    phase: place.phase ?? FIRST_PHASE,
    attempts: attempts.length,
    successes: attempts.filter((attempt) => attempt.success).length,
    interactions: totals.interactions,
  });

  // From P_t to P_{t+1}, with a reflection for every failure.
  const context = yield* updateContext(attempts, config, seed, { update }, during);
  countUse(totals, "reflect", context.use.reflect);
  countUse(totals, "curate", context.use.curate);
  const lines = yield* reportPlaybooks(context, state, update);
  state.studentPlaybook.refresh(context.views);

  // Successes: their weights, and their answers as demonstrations.
  const solved = attempts.map((attempt) => isSolved(attempt, config.successRule));
  const weights = config.successWeights ? successRateWeights(solved) : undefined;
  if (config.solutionBuffer) state.buffer.store(attempts, solved);
  const buffer = config.solutionBuffer ? { buffer: state.buffer } : {};
  const gold = config.goldSolution === true ? { gold: yield* goldSolutions(graded) } : {};
  const shown = demonstrations(attempts, solved, {
    ownSolution: config.ownSolution,
    ...buffer,
    ...gold,
  });

  // The teacher reads P_{t+1} and everything else beside the task, then the student's own tokens.
  const taught = yield* Effect.forEach(attempts, (attempt, i) =>
    teach(attempt, config, teachingOf(attempt, config, context, shown[i]), {
      success: attempt.success,
      solved: solved[i]!,
      demonstration: shown[i],
    }),
  );
  const reward = rewardOf(config.objective);
  const advantages =
    reward === undefined
      ? undefined
      : groupAdvantages(
          attempts.map((attempt) => attempt.reward),
          attempts.map((attempt) => attempt.taskKey),
          reward.normalize,
        );
  const weightOf = (i: number) => weights?.[i] ?? 1;
  const samples =
    config.objective._tag === "CrossEntropy"
      ? imitations(
          attempts,
          solved,
          attempts.map((_, i) => weightOf(i)),
          buffer.buffer,
        )
      : attempts.map((attempt, i) =>
          trainSample(attempt, taught[i]!, config.objective, weightOf(i), advantages?.[i]),
        );

  const records = rolloutRecords(rolledOut.rollouts, context, taught, samples, config, format);
  yield* journal.emit({ _tag: "RolledOut", update, records });
  if (samples.every((sample) => sample.signal.startsWith("none:"))) {
    yield* journal.emit({
      _tag: "Warned",
      update,
      code: "no-signal",
      message: `None of ${samples.length} samples teaches anything: ${[...new Set(samples.map((sample) => sample.signal))].join(", ")}`,
    });
  }

  // One optimizer step, then the teacher rule; what is sampled next comes from the new weights.
  const lr = learningRate(update, config.lr, config.warmup);
  const report = yield* during(
    "update",
    `one step on ${samples.length} samples`,
    policy.update(samples, config.objective, {
      lr,
      ...(config.clipNorm === undefined ? {} : { clipNorm: config.clipNorm }),
    }),
  ).pipe(Effect.onInterrupt(() => countIfMoved(state, update)));
  totals.updates = update + 1;
  totals.parameters = report.policyVersion;
  if (report.skipped !== undefined) {
    yield* journal.emit({
      _tag: "Warned",
      update,
      code: "skipped-update",
      message: `The step changed nothing: ${report.skipped}`,
    });
  }
  const metrics = updateMetrics({
    ...place,
    learningRate: lr,
    rolledOut,
    attempts,
    solved,
    samples,
    records,
    contexts: taught.map((one) => one.context),
    context,
    lines,
    report,
    totals,
  });
  yield* journal.emit({ _tag: "Updated", update, report, metrics });

  return new Map(
    [...Map.groupBy(attempts, (attempt) => attempt.taskKey)].map(([key, group]) => [
      key,
      group.reduce((sum, attempt) => sum + attempt.reward, 0) / group.length,
    ]),
  );
});
