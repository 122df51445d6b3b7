/** One policy update: micro-batches, exact accumulation, clip, step, and then the teacher's rule. */
import {
  type ComputeError,
  type Objective,
  PolicyError,
  type SampleReport,
  type TrainSample,
  type UpdateReport,
} from "@resd/core";
import type { DecoderConfig } from "@resd/models";
import { rlsdAdvantages, rlsdMix } from "@resd/objectives";
import { sizeOf } from "@resd/tensor";
import { Effect } from "effect";
import { addGradients, normOf } from "./accumulate.ts";
import {
  type Arrays,
  type ArraySpec,
  prefixed,
  putArrays,
  releaseArrays,
  withPrefix,
} from "./arrays.ts";
import { clipScale, globalNorm, normNames } from "./optim/clip.ts";
import type { Optimizer } from "./optim/optimizer.ts";
import type { Programs } from "./programs.ts";
import { type ScoreContext, scoreBatch } from "./score.ts";
import type { Teacher } from "./teacher.ts";
import { layOutBatch, type MicroBatch, type UpdateLimits } from "./update_batch.ts";
import { programKey, readsTeacher, STATISTICS, updateProgram } from "./update_program.ts";
import type { WeightSets } from "./weights.ts";

/** What an update works on; `student` and `updates` move. */
export interface Trainee {
  readonly programs: Programs;
  readonly config: DecoderConfig;
  readonly specs: ReadonlyArray<ArraySpec>;
  readonly sets: WeightSets;
  readonly optimizer: Optimizer;
  readonly teacher: Teacher;
  readonly limits: UpdateLimits;
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
  { programs, config, specs, student, teacher }: Trainee,
  objective: Objective,
  microBatches: ReadonlyArray<MicroBatch>,
): Effect.fn.Return<Gradients, ComputeError> {
  const { compute } = programs;
  const names = normNames(specs);
  const statistics: Array<Statistics> = [];
  const sets = {
    ...prefixed("s/", student),
    ...(readsTeacher(objective) ? prefixed("t/", teacher.arrays() ?? student) : {}),
    ...(objective._tag === "Distill" && objective.teacher._tag === "trust-region"
      ? { "teacher/rate": Float32Array.of(objective.teacher.rate) }
      : {}),
  };
  let total: Arrays | undefined;
  let norm = 0;
  const accumulate = Effect.gen(function* () {
    for (const { shape, data } of microBatches) {
      const program = yield* programs.get(programKey(objective, shape), () =>
        updateProgram(config, objective, shape),
      );
      const read = [...STATISTICS, ...names];
      const { arrays, values } = yield* program.run({ ...sets, ...data }, { read });
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
  objective: Objective,
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
  microBatches.forEach(({ samples, coefficient }, m) => {
    const values = statistics[m] as Statistics;
    const of = (name: (typeof STATISTICS)[number]) => values[name] as Float32Array;
    for (const { sample, start, count } of samples) {
      let loss = 0;
      for (let i = start; i < start + count; i++) {
        loss += (coefficient[i] as number) * (of("loss")[i] as number);
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
        ...(objective._tag === "Distill" ? { logRatio } : {}),
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

/**
 * RLSD's advantages per token (arXiv 2604.03128): how much more the student, shown what the teacher is shown, believes
 * in each token. Samples without a teacher sequence keep theirs.
 */
const shapedAdvantages = Effect.fnUntraced(function* (
  trainee: Trainee,
  batch: ReadonlyArray<TrainSample>,
): Effect.fn.Return<ReadonlyArray<ArrayLike<number> | undefined>, ComputeError> {
  const context: ScoreContext = { ...trainee, microBatchTokens: trainee.limits.tokens };
  const live = () => Effect.succeed({ arrays: trainee.student, version: "" });
  const shaped = batch.flatMap((sample, index) =>
    sample.advantage === undefined || sample.teacher === undefined
      ? []
      : [{ index, advantage: sample.advantage, student: sample.student, teacher: sample.teacher }],
  );
  const scores = yield* scoreBatch(
    context,
    shaped.flatMap(({ student, teacher }) => [
      { ...student, as: "student" as const },
      { ...teacher, as: "student" as const },
    ]),
    live,
  );
  const advantages: Array<ArrayLike<number> | undefined> = batch.map(() => undefined);
  const mix = rlsdMix(trainee.updates);
  shaped.forEach(({ index, advantage }, i) => {
    const [own, taught] = [scores[2 * i]?.logProbs ?? [], scores[2 * i + 1]?.logProbs ?? []];
    advantages[index] = rlsdAdvantages(advantage, own, taught, { mix });
  });
  return advantages;
});

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
  const { programs, sets, optimizer, teacher, config, limits } = trainee;
  if (!(Number.isFinite(lr) && lr >= 0)) {
    return yield* new PolicyError({
      reason: "bad-request",
      message: `Expected a rate ≥ 0, got ${lr}, at update`,
    });
  }
  const plan = (advantages?: ReadonlyArray<ArrayLike<number> | undefined>) =>
    Effect.fromResult(layOutBatch(batch, objective, config, limits, advantages));
  let microBatches = yield* plan();
  if (objective._tag === "PolicyGradient" && objective.shaping === "rlsd") {
    microBatches = yield* plan(yield* shapedAdvantages(trainee, batch));
  }
  if (objective._tag === "Distill") yield* teacher.prepare(objective.teacher, trainee.student);
  const gradients = yield* forwardBackward(trainee, objective, microBatches);
  const samples = reportSamples(batch, objective, microBatches, gradients.statistics);
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
    if (objective._tag === "Distill") yield* teacher.advance(objective.teacher, trainee.student);
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
