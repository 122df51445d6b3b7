/** What a policy must give for an objective, compared when a run is composed and never at step 40. */
import {
  type Objective,
  type ObjectiveKind,
  objectiveKinds,
  type PolicyShape,
  type TeacherRule,
} from "@resd/core";

/** Capabilities an objective asks of a policy. */
export interface Needs {
  readonly kinds: ReadonlyArray<ObjectiveKind>;
  /** Largest student probabilities per token; 0 = none, `full` = the whole distribution. */
  readonly topK: number | "full";
  readonly teacher?: TeacherRule["_tag"];
  /** Log-probs under the untruncated distribution at temperature 1, for importance ratios. */
  readonly rawLogProbs: boolean;
}

/** What `objective` needs. RLSD's teacher is the live student (trap T3). */
export const needs = (objective: Objective): Needs => {
  const kinds = objectiveKinds(objective);
  switch (objective._tag) {
    case "Distill": {
      const { support, teacher, importance } = objective;
      const topK = support._tag === "top-k" ? support.k : support._tag === "full" ? "full" : 0;
      return { kinds, topK, teacher: teacher._tag, rawLogProbs: importance !== undefined };
    }
    case "PolicyGradient":
      return objective.shaping === "rlsd"
        ? { kinds, topK: 0, teacher: "live", rawLogProbs: true }
        : { kinds, topK: 0, rawLogProbs: true };
    case "CrossEntropy":
      return { kinds, topK: 0, rawLogProbs: false };
    case "Mixture":
      return { ...needs(objective.distill), kinds, rawLogProbs: true };
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
  const { kinds, topK, teacher, rawLogProbs } = needs(objective);
  const unmet: Array<string> = [];
  for (const kind of kinds) {
    if (capabilities.objectives.includes(kind)) continue;
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
