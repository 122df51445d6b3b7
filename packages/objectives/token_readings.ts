/** What has to be known of tokens before their losses can be weighed: read in a pass of its own, without gradients. */
import { distillOf, rewardOf, type Objective } from "@resd/core";
import { stopGradient, type Tensor } from "@resd/tensor";
import { distribution, entropy } from "./distribution.ts";
import { readLogProb } from "./token_log_prob.ts";
import { tokenDivergence } from "./token_divergence.ts";

/** Per token, of one sequence: values where the mask is 0 are never looked at. */
export interface TokenReadings<Values = ArrayLike<number>> {
  /** log p(y). */
  readonly logProb: Values;
  /** log q(y). */
  readonly teacherLogProb: Values;
  /** On the support of the distillation, unclamped. */
  readonly studentEntropy: Values;
  readonly teacherEntropy: Values;
  /** Over the whole vocabulary. */
  readonly fullTeacherEntropy: Values;
}

/** The names of what is read. */
export const READINGS = [
  "logProb",
  "teacherLogProb",
  "studentEntropy",
  "teacherEntropy",
  "fullTeacherEntropy",
] as const satisfies ReadonlyArray<keyof TokenReadings>;

/** Whether an objective weighs tokens by what the models say of whole sequences, so that they have to be asked first. */
export const needsReadings = (objective: Objective): boolean => {
  const distill = distillOf(objective);
  const reward = rewardOf(objective);
  return (
    distill?.tokenFilter !== undefined ||
    distill?.entropyWeight !== undefined ||
    distill?.importance?.over === "sequence" ||
    reward?.importance?.over === "sequence" ||
    reward?.shaping === "rlsd"
  );
};

/** The readings of N tokens as tensors [N]; without a teacher's logits its readings are the student's. */
export const tokenReadings = ({
  objective,
  student,
  teacher = student,
  tokens,
}: {
  readonly objective: Objective;
  /** [N,V]. */
  readonly student: Tensor;
  readonly teacher?: Tensor;
  /** i32 [N]. */
  readonly tokens: Tensor;
}): TokenReadings<Tensor> => {
  const [z, zT] = [stopGradient(student), stopGradient(teacher)];
  const [p, q] = [distribution(z), distribution(zT)];
  const distill = distillOf(objective);
  const { studentEntropy, teacherEntropy } =
    distill === undefined
      ? { studentEntropy: entropy(p), teacherEntropy: entropy(q) }
      : tokenDivergence({ student: z, teacher: zT, tokens, objective: distill });
  return {
    logProb: readLogProb(p, tokens),
    teacherLogProb: readLogProb(q, tokens),
    studentEntropy,
    teacherEntropy,
    fullTeacherEntropy: entropy(q),
  };
};
