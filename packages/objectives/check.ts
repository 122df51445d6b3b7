/** What an objective's own schema cannot say: settings that contradict each other. */
import type { Distill, Mixture, Objective, PolicyGradient } from "@resd/core";
import { ObjectiveError } from "./error.ts";

const refuse = (message: string): never => {
  throw new ObjectiveError({ message });
};

const checkDistill = ({ alpha, ratioMin, ratioMax, support, target }: Distill): void => {
  if (support._tag === "sampled-token" && alpha !== 1) {
    refuse(
      `Expected alpha 1 (reverse KL) with support sampled-token, got alpha ${alpha}; set alpha to 1 or choose support full or top-k`,
    );
  }
  if (ratioMin !== undefined && ratioMax !== undefined && ratioMin > ratioMax) {
    refuse(
      `Expected ratioMin ≤ ratioMax, got ratioMin ${ratioMin} and ratioMax ${ratioMax}; lower ratioMin or raise ratioMax`,
    );
  }
  if (target?.space === "probabilities" && target.beta > 1) {
    refuse(
      `Expected a target with beta ≤ 1 between probabilities, got ${target.beta}; set target.space to logits to go beyond the teacher`,
    );
  }
};

const checkReward = ({ clipLow, clipHigh }: PolicyGradient): void => {
  if (!(clipLow >= 0 && clipLow <= 1 && clipHigh >= 0)) {
    refuse(
      `Expected 0 ≤ clipLow ≤ 1 and clipHigh ≥ 0 (distances from 1), got clipLow ${clipLow} and clipHigh ${clipHigh}; the usual values are 0.2 and 0.28`,
    );
  }
};

const checkMixture = ({ distill, reward, route }: Mixture): void => {
  checkDistill(distill);
  checkReward(reward);
  if (reward.shaping === "rlsd") {
    refuse(
      "Expected shaping grpo in a mixture, got rlsd, whose teacher is the live student; choose the objective PolicyGradient with shaping rlsd, or grpo here",
    );
  }
  if (route._tag === "share") return;
  if (distill.aggregation !== reward.aggregation) {
    refuse(
      `Expected one aggregation for both parts of a mixture by outcome, which is one sum, got ${distill.aggregation} and ${reward.aggregation}; set both to the same`,
    );
  }
  if (distill.positionRamp !== undefined) {
    refuse(
      `Expected no position ramp in a mixture by outcome, whose parts share a denominator, got ${distill.positionRamp}; leave positionRamp out or choose route share`,
    );
  }
};

/**
 * Refuses objectives whose settings contradict each other.
 *
 * @throws {ObjectiveError} naming the two settings.
 */
export const checkObjective = (objective: Objective): void => {
  if (objective._tag === "Distill") checkDistill(objective);
  if (objective._tag === "PolicyGradient") checkReward(objective);
  if (objective._tag === "Mixture") checkMixture(objective);
};
