/** What an objective's own schema cannot say: settings that contradict each other. */
import type { Objective } from "@resd/core";
import { ObjectiveError } from "./error.ts";

/**
 * Refuses objectives whose settings contradict each other.
 *
 * @throws {ObjectiveError} naming the two settings.
 */
export const checkObjective = (objective: Objective): void => {
  const { _tag } = objective;
  if (_tag === "Distill") {
    const { alpha, ratioMin, ratioMax, support } = objective;
    if (support._tag === "sampled-token" && alpha !== 1) {
      throw new ObjectiveError({
        message: `Expected alpha 1 (reverse KL) with support sampled-token, got alpha ${alpha}; set alpha to 1 or choose support full or top-k`,
      });
    }
    if (ratioMin !== undefined && ratioMax !== undefined && ratioMin > ratioMax) {
      throw new ObjectiveError({
        message: `Expected ratioMin ≤ ratioMax, got ratioMin ${ratioMin} and ratioMax ${ratioMax}; lower ratioMin or raise ratioMax`,
      });
    }
  }
  if (_tag === "PolicyGradient") {
    const { clipLow, clipHigh } = objective;
    if (!(clipLow >= 0 && clipLow <= 1 && clipHigh >= 0)) {
      throw new ObjectiveError({
        message: `Expected 0 ≤ clipLow ≤ 1 and clipHigh ≥ 0 (distances from 1), got clipLow ${clipLow} and clipHigh ${clipHigh}; the usual values are 0.2 and 0.28`,
      });
    }
  }
};
