/** One policy update: micro-batches, exact accumulation, clip, step, and then the teacher's rule. */
import {
  type ComputeError,
  distillOf,
  type Objective,
  PolicyError,
  type SampleReport,
  type TrainSample,
  type UpdateReport,
} from "@resd/core";
import type { DecoderConfig } from "@resd/models";
import {
  needsReadings,
  planLosses,
  type PlannedSample,
  type SamplePlan,
  type TokenReadings,
} from "@resd/objectives";
import { sizeOf } from "@resd/tensor";
import { Effect } from "effect";
import { addGradients, normOf } from "./accumulate.ts";
import { type Arrays, type ArraySpec, putArrays, releaseArrays, withPrefix } from "./arrays.ts";
import { clipScale, globalNorm, normNames } from "./optim/clip.ts";
import { fitLimits } from "./memory/fit_limits.ts";
import type { Optimizer, OptimizerOptions } from "./optim/optimizer.ts";
import type { Programs } from "./programs.ts";
import { readTokens } from "./read_tokens.ts";
import type { Teacher } from "./teacher.ts";
import { checkBatch, layOutBatch, type MicroBatch, type UpdateLimits } from "./update_batch.ts";
import { programKey, STATISTICS, statisticsOf, updateProgram } from "./update_program.ts";
import { weightsFor } from "./update_weights.ts";
import type { WeightSets } from "./weights.ts";

/** What an update works on; `student` and `updates` move. */
export interface Trainee {
  readonly programs: Programs;
  readonly config: DecoderConfig;
  /** What is trained: all parameters, or an adapter. */
  readonly specs: ReadonlyArray<ArraySpec>;
  /** What an adapter leaves as it is; student and teacher share it. */
  readonly frozen: Arrays;
  readonly sets: WeightSets;
  readonly optimizer: Optimizer;
  readonly teacher: Teacher;
  readonly limits: UpdateLimits;
  /** What the whole process may take, and what its optimizer is; without it nothing is cut smaller than `limits`. */
  readonly memory?: { readonly budget: number; readonly optimizer: OptimizerOptions };
  student: Arrays;
  /** Updates asked for so far, skipped ones included. */
  updates: number;
}

export interface UpdateSize {
  readonly lr: number;
  readonly clipNorm?: number;
}

/** Values of `STATISTICS`, per row of a micro-batch. */
type Statistics = Readonly<Record<string, ArrayLike<number>>>;

/** Loss and gradients of the whole batch. */
interface Gradients {
  readonly arrays: Arrays;
  readonly norm: number;
  readonly statistics: ReadonlyArray<Statistics>;
}

const forwardBackward = Effect.fnUntraced(function* (
  trainee: Trainee,
  microBatches: ReadonlyArray<MicroBatch>,
): Effect.fn.Return<Gradients, ComputeError> {
  const { programs, config, specs } = trainee;
  const { compute } = programs;
  const names = normNames(specs);
  const statistics: Array<Statistics> = [];
  let total: Arrays | undefined;
  let norm = 0;
  const accumulate = Effect.gen(function* () {
    for (const { objective, shape, data } of microBatches) {
      const program = yield* programs.get(programKey(objective, shape), () =>
        updateProgram(config, objective, shape),
      );
      const read = [...statisticsOf(objective), ...names];
      const weights = weightsFor(trainee, objective);
      const { arrays, values } = yield* program.run({ ...weights, ...data }, { read });
      statistics.push(values);
      norm = globalNorm(values, names);
      const own = withPrefix(arrays, "g/");
      total = total === undefined ? own : yield* addGradients(programs, specs, total, own);
    }
    if (total !== undefined && microBatches.length > 1) {
      norm = yield* normOf(programs, specs, total);
    }
    // Nothing to train on is still a step: momentum and decay act.
    total ??= yield* putArrays(compute, specs, ({ shape }) => new Float32Array(sizeOf(shape)));
    return { arrays: total, norm, statistics };
  });
  return yield* Effect.onError(accumulate, () =>
    total === undefined ? Effect.void : Effect.ignore(releaseArrays(compute, total)),
  );
});

const mean = (values: ArrayLike<number>, start: number, count: number): number => {
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += values[i] as number;
  return count === 0 ? 0 : sum / count;
};

/** What each sample contributed. `loss` is its share of the batch's loss, weights and denominators included. */
const reportSamples = (
  batch: ReadonlyArray<TrainSample>,
  microBatches: ReadonlyArray<MicroBatch>,
  statistics: ReadonlyArray<Statistics>,
): ReadonlyArray<SampleReport> => {
  const nothing = {
    loss: 0,
    tokens: 0,
    divergence: 0,
    studentEntropy: 0,
    teacherEntropy: 0,
    clampedFraction: 0,
  };
  const reports: Array<SampleReport> = batch.map(({ id }) => ({ id, ...nothing }));
  microBatches.forEach(({ samples, objective, coefficient, rewardCoefficient }, m) => {
    const values = statistics[m] as Statistics;
    const of = (name: (typeof STATISTICS)[number]) => values[name] as Float32Array;
    for (const { sample, start, count } of samples) {
      let loss = 0;
      for (let i = start; i < start + count; i++) {
        loss += (coefficient[i] as number) * (of("loss")[i] as number);
        loss += (rewardCoefficient?.[i] ?? 0) * (values["rewardLoss"]?.[i] ?? 0);
      }
      const logRatio = new Float32Array(count);
      for (let i = 0; i < count; i++) {
        logRatio[i] =
          (of("teacherLogProb")[start + i] as number) - (of("logProb")[start + i] as number);
      }
      reports[sample] = {
        id: (batch[sample] as TrainSample).id,
        loss,
        tokens: count,
        divergence: mean(of("divergence"), start, count),
        studentEntropy: mean(of("studentEntropy"), start, count),
        teacherEntropy: mean(of("teacherEntropy"), start, count),
        clampedFraction: mean(of("clamped"), start, count),
        ...(distillOf(objective) === undefined ? {} : { logRatio }),
      };
    }
  });
  return reports;
};

/** Mean |log p now − log p when sampled| over trained tokens. */
const gapOf = (
  microBatches: ReadonlyArray<MicroBatch>,
  statistics: ReadonlyArray<Statistics>,
): number => {
  let sum = 0;
  let count = 0;
  microBatches.forEach(({ samples, data }, m) => {
    const logProb = (statistics[m] as Statistics)["logProb"] as Float32Array;
    const behaviour = data["behaviour"] as Float32Array;
    for (const { start, count: rows } of samples) {
      for (let i = start; i < start + rows; i++) {
        sum += Math.abs((logProb[i] as number) - (behaviour[i] as number));
      }
      count += rows;
    }
  });
  return count === 0 ? 0 : sum / count;
};

const plannedSample = (sample: TrainSample): PlannedSample => {
  const { mask, weight, advantage, teacher, behaviour } = sample;
  const known = { mask, weight, behaviour, taught: teacher !== undefined };
  return advantage === undefined ? known : { ...known, advantage };
};

/** How much every token counts. Faults of the objective are the caller's. */
const planOf = (
  { limits: { horizon }, updates }: Trainee,
  batch: ReadonlyArray<TrainSample>,
  objective: Objective,
  readings: ReadonlyArray<TokenReadings | undefined>,
): Effect.Effect<ReadonlyArray<SamplePlan>, PolicyError> =>
  Effect.try({
    try: () => {
      const context = { update: updates, ...(horizon === undefined ? {} : { horizon }) };
      return planLosses(objective, batch.map(plannedSample), context, readings);
    },
    catch: (cause) =>
      new PolicyError({
        reason: "bad-request",
        message: cause instanceof Error ? cause.message : String(cause),
      }),
  });

/** The batch cut as its limits say, or smaller where memory is short. */
const fitBatch = (
  { config, limits, memory }: Trainee,
  objective: Objective,
  layOut: (limits: UpdateLimits) => ReadonlyArray<MicroBatch>,
) =>
  memory === undefined
    ? Effect.succeed({ microBatches: layOut(limits) })
    : Effect.fromResult(fitLimits({ config, objective, limits, ...memory }, layOut));

/**
 * Runs one update and moves `trainee`. The objective's teacher rule decides who teaches in this update and how the
 * teacher moves after it; both stay as they are when the gradient norm is not finite.
 */
export const runUpdate = Effect.fn("engine.update")(function* (
  trainee: Trainee,
  batch: ReadonlyArray<TrainSample>,
  objective: Objective,
  { lr, clipNorm }: UpdateSize,
): Effect.fn.Return<UpdateReport, ComputeError | PolicyError> {
  const { programs, sets, optimizer, teacher, config } = trainee;
  if (!(Number.isFinite(lr) && lr >= 0)) {
    return yield* new PolicyError({
      reason: "bad-request",
      message: `Expected a rate ≥ 0, got ${lr}, at update`,
    });
  }
  yield* Effect.fromResult(checkBatch(batch, objective, config));
  const rule = distillOf(objective)?.teacher;
  if (rule !== undefined) yield* teacher.prepare(rule, trainee.student);
  const readings = needsReadings(objective) ? yield* readTokens(trainee, batch, objective) : [];
  const plans = yield* planOf(trainee, batch, objective, readings);
  const { microBatches } = yield* fitBatch(trainee, objective, (cut) =>
    layOutBatch(batch, plans, config, cut),
  );
  const gradients = yield* forwardBackward(trainee, microBatches);
  const samples = reportSamples(batch, microBatches, gradients.statistics);
  const report = {
    loss: samples.reduce((sum, { loss }) => sum + loss, 0),
    gradNorm: gradients.norm,
    logProbGap: gapOf(microBatches, gradients.statistics),
    samples,
  };
  const gradScale = clipScale(gradients.norm, clipNorm);

  // From here on handles are spent and replaced: an interruption in between would leave neither old nor new weights.
  const apply = Effect.gen(function* () {
    trainee.updates += 1;
    if (gradScale === undefined) {
      yield* releaseArrays(programs.compute, gradients.arrays);
      return { skipped: `the gradient norm is not finite: ${gradients.norm}`, paramDeltaNorm: 0 };
    }
    const before = yield* sets.copy(trainee.student);
    trainee.student = yield* optimizer.step(trainee.student, gradients.arrays, { lr, gradScale });
    const paramDeltaNorm = yield* sets.distance(before, trainee.student);
    yield* releaseArrays(programs.compute, before);
    if (rule !== undefined) yield* teacher.advance(rule, trainee.student);
    return { paramDeltaNorm };
  });
  const applied = yield* Effect.uninterruptible(apply);
  return {
    ...report,
    ...applied,
    teacherDrift: yield* teacher.drift(trainee.student),
    policyVersion: yield* sets.version(trainee.student),
  };
});
