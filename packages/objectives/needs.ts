/** What a policy must give for an objective, compared when a run is composed and never at step 40. */
import {
  type Objective,
  type ObjectiveKind,
  objectiveKind,
  type PolicyShape,
  type TeacherRule,
} from "@resd/core";

/** Capabilities an objective asks of a policy. */
export interface Needs {
  readonly kind: ObjectiveKind;
  /** Largest student probabilities per token; 0 = none, `full` = the whole distribution. */
  readonly topK: number | "full";
  readonly teacher?: TeacherRule["_tag"];
  /** Log-probs under the untruncated distribution at temperature 1, for importance ratios. */
  readonly rawLogProbs: boolean;
}

/** What `objective` needs. RLSD's teacher is the live student (trap T3). */
export const needs = (objective: Objective): Needs => {
  const kind = objectiveKind(objective);
  switch (objective._tag) {
    case "Distill": {
      const { support, teacher } = objective;
      const topK = support._tag === "top-k" ? support.k : support._tag === "full" ? "full" : 0;
      return { kind, topK, teacher: teacher._tag, rawLogProbs: false };
    }
    case "PolicyGradient":
      return objective.shaping === "rlsd"
        ? { kind, topK: 0, teacher: "live", rawLogProbs: true }
        : { kind, topK: 0, rawLogProbs: true };
    case "CrossEntropy":
      return { kind, topK: 0, rawLogProbs: false };
  }
};

const list = (items: ReadonlyArray<string>): string =>
  items.length === 0 ? "none" : items.join(", ");

/**
 * The needs of `objective` that `capabilities` do not meet, one sentence each; empty when it can run.
 *
 * @example
 * ```ts
 * unmetNeeds(objective, policy.capabilities);
 * // ["needs the 100 largest probabilities per token, the policy gives 20: lower top-k to 20"]
 * ```
 */
export const unmetNeeds = (
  objective: Objective,
  capabilities: PolicyShape["capabilities"],
): ReadonlyArray<string> => {
  const { kind, topK, teacher, rawLogProbs } = needs(objective);
  const unmet: Array<string> = [];
  if (!capabilities.objectives.includes(kind)) {
    unmet.push(
      `needs the objective ${kind}, the policy computes ${list(capabilities.objectives)}: choose one of these`,
    );
  }
  if (capabilities.topK !== "full") {
    if (topK === "full") {
      unmet.push(
        `needs the whole distribution per token, the policy gives the ${capabilities.topK} largest probabilities: choose support top-k with k ≤ ${capabilities.topK}`,
      );
    } else if (topK > capabilities.topK) {
      unmet.push(
        `needs the ${topK} largest probabilities per token, the policy gives ${capabilities.topK}: lower top-k to ${capabilities.topK}`,
      );
    }
  }
  if (teacher !== undefined && !capabilities.teachers.includes(teacher)) {
    unmet.push(
      `needs a teacher of kind ${teacher}, the policy has ${list(capabilities.teachers)}: choose one of these`,
    );
  }
  if (rawLogProbs && !capabilities.rawLogProbs) {
    unmet.push(
      "needs log-probs of the untruncated distribution at temperature 1, the policy does not report them: sample with temperature 1 and top-p 1, or choose another objective",
    );
  }
  return unmet;
};
