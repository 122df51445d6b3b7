/** What every policy promises, wherever it computes. */
import type { Policy } from "@resd/core";
import type { Layer } from "effect";
import type { Law } from "./law.ts";
import { makePolicyBench, type PolicyLawSettings } from "./policy/bench.ts";
import { encodeLaws } from "./policy/encode_laws.ts";
import { generateLaws } from "./policy/generate_laws.ts";
import { objectiveLaws } from "./policy/objective_laws.ts";
import { refusalLaws } from "./policy/refusal_laws.ts";
import { scoreLaws } from "./policy/score_laws.ts";
import { saveLaws, teacherLaws } from "./policy/teacher_laws.ts";
import { updateLaws } from "./policy/update_laws.ts";

export type { PolicyLawSettings } from "./policy/bench.ts";

/**
 * The laws of the policy seam. Each builds its own policy from the layer and closes it, because updates change it; every
 * build must give the same weights. What a policy does not claim in its capabilities is not asked of it, only that it
 * says no.
 *
 * @example
 * ```ts
 * registerLaws(policyLaws(policy, { prompts, teacherPrompts, chunkings: [policyWithSmallerMicroBatches] }));
 * ```
 */
export const policyLaws = <E, R>(
  layer: Layer.Layer<Policy, E, R>,
  settings: PolicyLawSettings,
): ReadonlyArray<Law<R>> => {
  const bench = makePolicyBench(layer, settings);
  return [
    ...encodeLaws(bench),
    ...generateLaws(bench),
    ...scoreLaws(bench),
    ...updateLaws(bench),
    ...objectiveLaws(bench),
    ...refusalLaws(bench),
    ...teacherLaws(bench),
    ...saveLaws(bench),
  ];
};
