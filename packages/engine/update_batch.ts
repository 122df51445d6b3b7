/** Lays a batch of samples out as micro-batches: which rows of which sequences are trained on, and how much each counts. */
import {
  type HostArray,
  type Objective,
  PolicyError,
  type TrainSample,
  distillOf,
} from "@resd/core";
import type { DecoderConfig } from "@resd/models";
import { type SamplePlan } from "@resd/objectives";
import { Result } from "effect";
import { evenRows, gatherBucket, lengthBucket } from "./buckets.ts";
import { planEvenly } from "./micro_batch.ts";
import { padIndices, padSequences } from "./padding.ts";

/** Pairs of a student's and a teacher's length are many: coarse steps keep their programs few. */
const LENGTH_STEP = 32;

export interface UpdateLimits {
  /** Padded tokens per micro-batch, student and teacher together. */
  readonly tokens: number;
  /** Rows of logits at once: losses of more are taken in chunks. */
  readonly rows: number;
  /** Whether the student's blocks are computed a second time for the gradient, instead of being kept. */
  readonly checkpoint?: boolean;
  /** T_max of `seq-mean-token-sum-norm`. */
  readonly horizon?: number;
}

export interface UpdateShape {
  readonly B: number;
  readonly studentLength: number;
  /** 0 where no teacher is run. */
  readonly teacherLength: number;
  /** Rows whose logits are wanted. */
  readonly N: number;
  /** Rows of logits at once. */
  readonly chunk: number;
  readonly checkpoint: boolean;
}

/** Where the tokens of a sample stand among the rows of a micro-batch. */
export interface SampleRows {
  /** Position in the batch. */
  readonly sample: number;
  readonly start: number;
  readonly count: number;
}

/** A few samples whose losses are the same, laid out for one program. */
export interface MicroBatch {
  readonly objective: Objective;
  readonly shape: UpdateShape;
  readonly data: Readonly<Record<string, HostArray>>;
  readonly samples: ReadonlyArray<SampleRows>;
  /** Per row, as in `data`. */
  readonly coefficient: Float32Array;
  /** The same for the reward's part of a mixture. */
  readonly rewardCoefficient?: Float32Array;
}

/** A sample with something to run the models on. */
interface Item {
  readonly sample: number;
  readonly student: Int32Array;
  readonly teacher: Int32Array | undefined;
  /** Suffix positions t of trained tokens. */
  readonly positions: ReadonlyArray<number>;
  readonly source: TrainSample;
  readonly plan: SamplePlan;
}

const refuse = (
  reason: PolicyError["reason"],
  message: string,
): Result.Result<never, PolicyError> => Result.fail(new PolicyError({ reason, message }));

/** Checks one sequence of a sample; the message is empty when it is fine. */
const sequenceProblem = (
  { ids, from }: { readonly ids: Int32Array; readonly from: number },
  who: string,
  config: DecoderConfig,
): Result.Result<void, PolicyError> => {
  const { max_position_embeddings: limit, vocab_size: V } = config;
  if (!(Number.isInteger(from) && from >= 1 && from <= ids.length)) {
    return refuse(
      "bad-request",
      `Expected the suffix to begin at 1..${ids.length}, got ${from}, at the ${who}; a prompt has at least one token`,
    );
  }
  if (ids.length > limit) {
    return refuse(
      "context-overflow",
      `Expected at most ${limit} tokens, got ${ids.length} (${from} prompt, ${ids.length - from} suffix), at the ${who}; shorten its prompt`,
    );
  }
  const bad = ids.findIndex((id) => id < 0 || id >= V);
  return bad < 0
    ? Result.void
    : refuse(
        "bad-request",
        `Expected ids in 0..${V - 1}, got ${ids[bad]}, at token ${bad} of the ${who}`,
      );
};

const checkSample = (
  sample: TrainSample,
  config: DecoderConfig,
): Result.Result<void, PolicyError> => {
  const { id, student, teacher, mask, behaviour, weight } = sample;
  const fine = sequenceProblem(student, `student of sample ${id}`, config);
  if (Result.isFailure(fine)) return fine;
  const suffix = student.ids.subarray(student.from);
  if (mask.length !== suffix.length || behaviour.length !== suffix.length) {
    return refuse(
      "bad-request",
      `Expected a mask and log-probs for ${suffix.length} suffix tokens, got ${mask.length} and ${behaviour.length}, at sample ${id}`,
    );
  }
  if (!Number.isFinite(weight)) {
    return refuse("bad-request", `Expected a finite weight, got ${weight}, at sample ${id}`);
  }
  if (teacher === undefined) return Result.void;
  const taught = sequenceProblem(teacher, `teacher of sample ${id}`, config);
  if (Result.isFailure(taught)) return taught;
  const other = teacher.ids.subarray(teacher.from);
  if (other.length !== suffix.length || other.some((token, t) => token !== suffix[t])) {
    const t = other.findIndex((token, i) => token !== suffix[i]);
    return refuse(
      "bad-request",
      `Expected the teacher's suffix to be the student's ${suffix.length} tokens, got ${other.length} that differ from token ${t < 0 ? other.length : t} on, at sample ${id}; append the sampled ids to the enriched prompt, never re-tokenize them`,
    );
  }
  return Result.void;
};

/** ids up to the one that predicts the last trained token: what comes after it changes nothing. */
const needed = (ids: Int32Array, from: number, last: number): Int32Array =>
  ids.subarray(0, from + last);

const feedOf = (
  group: ReadonlyArray<Item>,
  most: number,
  { rows, checkpoint = false }: UpdateLimits,
): MicroBatch => {
  const padded = (lengths: ReadonlyArray<number>): number =>
    lengthBucket(Math.max(...lengths), LENGTH_STEP, most);
  const studentLength = padded(group.map(({ student }) => student.length));
  const taught = group.every(({ teacher }) => teacher !== undefined);
  const teacherLength = taught ? padded(group.map(({ teacher }) => teacher?.length ?? 1)) : 0;
  const B = evenRows(group.length);
  const total = group.reduce((sum, { positions }) => sum + positions.length, 0);
  const N = gatherBucket(total, B * studentLength);
  const coefficient = new Float32Array(N);
  const rewardCoefficient = new Float32Array(N);
  const behaviour = new Float32Array(N);
  const advantage = new Float32Array(N);
  const [studentRows, teacherRows, targets]: [Array<number>, Array<number>, Array<number>] = [
    [],
    [],
    [],
  ];
  const samples: Array<SampleRows> = [];
  group.forEach(({ sample, positions, source, plan }, row) => {
    const { student } = source;
    samples.push({ sample, start: targets.length, count: positions.length });
    for (const t of positions) {
      const at = targets.length;
      studentRows.push(row * studentLength + student.from + t - 1);
      if (taught) teacherRows.push(row * teacherLength + (source.teacher?.from ?? 0) + t - 1);
      targets.push(student.ids[student.from + t] as number);
      coefficient[at] = plan.coefficients[t] as number;
      rewardCoefficient[at] = plan.rewardCoefficients?.[t] ?? 0;
      behaviour[at] = source.behaviour[t] as number;
      advantage[at] = plan.advantages?.[t] ?? 0;
    }
  });
  const { objective } = (group[0] as Item).plan;
  const mixed = objective._tag === "Mixture";
  const data: Record<string, HostArray> = {
    "student/ids": padSequences(
      group.map(({ student }) => student),
      B,
      studentLength,
    ),
    "student/rows": padIndices(studentRows, N),
    targets: padIndices(targets, N),
    coefficient,
    ...(mixed ? { rewardCoefficient } : {}),
    behaviour,
    advantage,
  };
  if (taught) {
    data["teacher/ids"] = padSequences(
      group.map(({ teacher }) => teacher ?? []),
      B,
      teacherLength,
    );
    data["teacher/rows"] = padIndices(teacherRows, N);
  }
  return {
    objective,
    shape: { B, studentLength, teacherLength, N, chunk: Math.min(N, rows), checkpoint },
    data,
    samples,
    coefficient,
    ...(mixed ? { rewardCoefficient } : {}),
  };
};

/** Refuses a batch of which a sample is not what it says, or of which an objective can learn nothing by mistake. */
export const checkBatch = (
  batch: ReadonlyArray<TrainSample>,
  objective: Objective,
  config: DecoderConfig,
): Result.Result<void, PolicyError> => {
  for (const sample of batch) {
    const fine = checkSample(sample, config);
    if (Result.isFailure(fine)) return fine;
  }
  return objective._tag === "PolicyGradient" &&
    batch.length > 0 &&
    batch.every(({ advantage }) => advantage === undefined)
    ? refuse(
        "bad-request",
        `Expected an advantage on at least one of ${batch.length} samples, got none; a policy gradient without advantages learns nothing`,
      )
    : Result.void;
};

/**
 * Micro-batches of a batch whose losses are planned: coefficients hold every denominator of the whole batch, so the sum
 * of the micro-batches' gradients is the gradient of the batch for any budget. Samples without anything to train on are
 * in no micro-batch. Samples of one micro-batch have the same losses, and all of them a teacher's sequence or none.
 *
 * @param withTeacher whether the teacher's sequence of a sample is run
 */
export const layOutBatch = (
  batch: ReadonlyArray<TrainSample>,
  plans: ReadonlyArray<SamplePlan>,
  config: DecoderConfig,
  limits: UpdateLimits,
  withTeacher: (plan: SamplePlan) => boolean = ({ objective }) =>
    distillOf(objective) !== undefined,
): ReadonlyArray<MicroBatch> => {
  const kinds = new Map<string, Array<Item>>();
  batch.forEach((source, sample) => {
    const plan = plans[sample] as SamplePlan;
    const positions = Array.from(plan.mask.keys()).filter((t) => plan.mask[t] === 1);
    const last = positions.at(-1);
    if (last === undefined) return;
    const { student } = source;
    const teacher = withTeacher(plan) ? source.teacher : undefined;
    const item = {
      sample,
      source,
      plan,
      positions,
      student: needed(student.ids, student.from, last),
      teacher: teacher === undefined ? undefined : needed(teacher.ids, teacher.from, last),
    };
    const kind = `${JSON.stringify(plan.objective)}/${teacher !== undefined}`;
    const items = kinds.get(kind);
    if (items === undefined) kinds.set(kind, [item]);
    else items.push(item);
  });
  return [...kinds.values()].flatMap((items) =>
    planEvenly(
      items.map(({ student, teacher }) => ({
        lengths: teacher === undefined ? [student.length] : [student.length, teacher.length],
      })),
      { tokens: limits.tokens, step: LENGTH_STEP },
    ).map((group) =>
      feedOf(
        group.map((index) => items[index] as Item),
        config.max_position_embeddings,
        limits,
      ),
    ),
  );
};
