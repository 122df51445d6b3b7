/** What the models say of a batch's tokens before an update: for objectives that weigh tokens by it. */
import {
  type ComputeError,
  type Objective,
  type TrainSample,
  distillOf,
  rewardOf,
} from "@resd/core";
import { READINGS, type SamplePlan, type TokenReadings } from "@resd/objectives";
import { Effect } from "effect";
import type { Trainee } from "./update.ts";
import { layOutBatch } from "./update_batch.ts";
import { readingKey, readingProgram } from "./update_program.ts";
import { weightsFor } from "./update_weights.ts";

/** Whether an objective looks at the teacher's words about a sample: to follow them, or to shape advantages by them. */
const asksTeacher = (objective: Objective): boolean =>
  distillOf(objective) !== undefined || rewardOf(objective)?.shaping === "rlsd";

/**
 * Readings of every sample of which something is trained, per suffix token; undefined for the others. A forward pass of
 * student and teacher over the whole batch.
 */
export const readTokens = Effect.fnUntraced(function* (
  trainee: Trainee,
  batch: ReadonlyArray<TrainSample>,
  objective: Objective,
): Effect.fn.Return<ReadonlyArray<TokenReadings | undefined>, ComputeError> {
  const { programs, config, limits } = trainee;
  const taught = asksTeacher(objective);
  const plans = batch.map(({ mask, teacher, advantage }): SamplePlan => {
    const trained = (taught && teacher !== undefined) || advantage !== undefined;
    return {
      objective,
      mask: trained ? mask : new Uint8Array(mask.length),
      coefficients: new Float64Array(mask.length),
    };
  });
  const readings: Array<TokenReadings | undefined> = batch.map(() => undefined);
  const microBatches = layOutBatch(batch, plans, config, limits, () => taught);
  for (const { shape, data, samples } of microBatches) {
    const program = yield* programs.get(readingKey(objective, shape), () =>
      readingProgram(config, objective, shape),
    );
    const { values } = yield* program.run(
      { ...weightsFor(trainee, objective), ...data },
      { read: [...READINGS] },
    );
    for (const { sample, start } of samples) {
      const { mask } = plans[sample] as SamplePlan;
      const places = Array.from(mask.keys()).filter((t) => mask[t] === 1);
      const read = (name: (typeof READINGS)[number]) => {
        const perToken = new Float64Array(mask.length);
        places.forEach((t, row) => {
          perToken[t] = (values[name] as Float32Array)[start + row] as number;
        });
        return perToken;
      };
      readings[sample] = {
        logProb: read("logProb"),
        teacherLogProb: read("teacherLogProb"),
        studentEntropy: read("studentEntropy"),
        teacherEntropy: read("teacherEntropy"),
        fullTeacherEntropy: read("fullTeacherEntropy"),
      };
    }
  }
  return readings;
});
