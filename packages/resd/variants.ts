/**
 * Methods by name, each a change of a whole configuration: any of them goes with any preset. `resd` is the preset as it
 * is; the others are what arXiv 2605.12741 compares it with, and what is left of it without one of its parts.
 * docs/variants.md has the formulas and the sources.
 */
import type { Distill, Mixture, PolicyGradient } from "@resd/core";
import type { ResdConfig } from "./config.ts";

/** A configuration that distils: what variants start from. All presets are. */
export type DistillConfig = ResdConfig & { readonly objective: Distill };

/** A method, and what it makes of a configuration. */
export interface Variant {
  /** One line, for lists. */
  readonly summary: string;
  readonly of: (base: DistillConfig) => ResdConfig;
}

/** Advantages compare rollouts of one prompt: with fewer than this many there is little to compare. */
const GROUP = 8;

const grouped = (base: ResdConfig): Pick<ResdConfig, "rolloutsPerPrompt"> => ({
  rolloutsPerPrompt: Math.max(base.rolloutsPerPrompt, GROUP),
});

/** No playbook, so none to measure the teacher with either. */
const withoutPlaybook = (base: DistillConfig): DistillConfig => {
  const { studentPlaybook: _, ...rest } = base;
  return {
    ...rest,
    playbook: "none",
    sections: { ...base.sections, playbook: false },
    evaluation: { ...base.evaluation, teacher: false },
  };
};

/** Neither reflections nor a playbook. */
const withoutWords = (base: DistillConfig): DistillConfig => {
  const rest = withoutPlaybook(base);
  return { ...rest, reflect: false, sections: { ...rest.sections, reflection: false } };
};

/** GRPO's loss as the released scripts set it: clip 0.2 below and 0.28 above, advantages over σ, no KL, no entropy. */
const grpoLoss = ({ objective }: DistillConfig): PolicyGradient => ({
  _tag: "PolicyGradient",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: objective.aggregation,
  importance: { clip: 2, over: "token" },
});

/**
 * SDPO's teacher: a solution, or where there is none the raw feedback. SDPO shows no attempt; here it stays if the base
 * shows it, because feedback is about it and not every prompt format has one without the other.
 */
const sdpo = (base: DistillConfig): DistillConfig => ({
  ...withoutWords(base),
  feedbackBesideSolution: false,
  ownSolution: false,
  solutionBuffer: false,
});

/** All variants by name. */
export const variants = {
  resd: {
    summary: "the preset as it is: reflection, playbook, solution buffer",
    of: (base) => base,
  },
  sdpo: {
    summary: "distils from raw feedback or a sibling's solution; solved attempts teach nothing",
    of: sdpo,
  },
  "sdpo-ss": {
    summary: "sdpo, and solved attempts are their own demonstrations",
    of: (base) => ({ ...sdpo(base), ownSolution: true }),
  },
  "sdpo-ref": {
    summary: "sdpo with reflections and the playbook in the teacher's prompt, without any solution",
    of: (base) => ({
      ...base,
      sections: { ...base.sections, solution: false },
      ownSolution: false,
      solutionBuffer: false,
    }),
  },
  grpo: {
    summary: "policy gradient on the rewards of a group, no teacher",
    of: (base) => ({
      ...withoutWords(base),
      ...grouped(base),
      objective: grpoLoss(base),
      successWeights: false,
      solutionBuffer: false,
    }),
  },
  srpo: {
    summary: "failures with a lesson are distilled as in sdpo, all others follow the reward",
    of: (base) => ({
      ...sdpo(base),
      ...grouped(base),
      objective: {
        _tag: "Mixture",
        distill: { ...base.objective, entropyWeight: 1 },
        reward: { ...grpoLoss(base), normalize: false },
        route: { _tag: "outcome" },
      } satisfies Mixture,
    }),
  },
  rlsd: {
    summary:
      "grpo whose advantages are shaped, token by token, by what the student knows in hindsight",
    of: (base) => ({
      ...sdpo(base),
      ...grouped(base),
      ownSolution: true,
      successWeights: false,
      objective: { ...grpoLoss(base), shaping: "rlsd" },
    }),
  },
  opsd: {
    summary: "distils from the task's gold solution, which the environment has to have",
    of: (base) => ({
      ...withoutWords(base),
      sections: {
        playbook: false,
        attempt: false,
        feedback: false,
        reflection: false,
        solution: true,
      },
      goldSolution: true,
      ownSolution: false,
      solutionBuffer: false,
    }),
  },
  sft: {
    summary: "learns the policy's own solved answers by heart, cached ones again",
    of: (base) => ({
      ...withoutWords(base),
      objective: { _tag: "CrossEntropy", aggregation: base.objective.aggregation },
      solutionBuffer: true,
    }),
  },
  mixture: {
    summary: "half resd, half grpo, on the same rollouts",
    of: (base) => ({
      ...base,
      ...grouped(base),
      objective: {
        _tag: "Mixture",
        distill: base.objective,
        reward: grpoLoss(base),
        route: { _tag: "share", lambda: 0.5 },
      } satisfies Mixture,
    }),
  },
  "resd-then-grpo": {
    summary: "resd until half of the fresh attempts succeed, grpo from then on",
    of: (base) => ({
      ...base,
      schedule: {
        until: { success: 0.5, batches: 2 },
        next: {
          name: "grpo",
          ...grouped(base),
          objective: grpoLoss(base),
          reflect: false,
          successWeights: false,
        },
      },
    }),
  },
  "no-reflection": {
    summary: "resd whose teacher is not shown the reflection; the playbook is still made of them",
    of: (base) => ({ ...base, sections: { ...base.sections, reflection: false } }),
  },
  "no-playbook": {
    summary: "resd without a playbook: a reflection only teaches its own attempt",
    of: withoutPlaybook,
  },
  "no-solution-buffer": {
    summary: "resd that forgets solved answers once their update is over",
    of: (base) => ({ ...base, solutionBuffer: false }),
  },
} as const satisfies Readonly<Record<string, Variant>>;

/** The name of a variant, as `--variant` takes it. */
export type VariantName = keyof typeof variants;

/** All names, in the order of the table. */
export const variantNames = Object.keys(variants) as ReadonlyArray<VariantName>;
