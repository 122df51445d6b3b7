/** Everything about a run of RESD that is a choice of data. No value has a default: presets give them all. */
import { Objective, Sampling } from "@resd/core";
import { Schema } from "effect";
import { ConciseSchedule } from "./playbook/concise.ts";
import { NearDuplicates } from "./playbook/near_duplicates.ts";
import { EvaluationStages, StopRule } from "./protocol.ts";

const Count = Schema.Int.check(Schema.isGreaterThan(0));
const CountOrZero = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const Positive = Schema.Finite.check(Schema.isGreaterThan(0));
const NotNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0));
const Share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }));

/**
 * When an attempt counts as solved for demonstrations, the solution buffer and the success weights: the environment's
 * own word (`acc ≥ 1`), or a score that the released code compares with a threshold (trap T16). Reflection, tagging and
 * curation always go by the environment's word.
 */
export const SuccessRule = Schema.Union([
  Schema.Literal("success"),
  Schema.Struct({ scoreAtLeast: Schema.Finite }),
]);
export type SuccessRule = typeof SuccessRule.Type;

/** Which sections the teacher is shown beside the task. */
export const SectionSwitches = Schema.Struct({
  playbook: Schema.Boolean,
  attempt: Schema.Boolean,
  feedback: Schema.Boolean,
  reflection: Schema.Boolean,
  solution: Schema.Boolean,
});
export type SectionSwitches = typeof SectionSwitches.Type;

/** Learning-rate warm-up, counted in inner updates, also in those that were skipped. */
export const Warmup = Schema.Struct({
  updates: CountOrZero,
  /** `zero`: update u = 0, 1, … has u/updates of the rate, so the first one learns nothing; `first-step`: (u + 1)/updates. */
  from: Schema.Literals(["zero", "first-step"]),
});
export type Warmup = typeof Warmup.Type;

/** Handed to the policy when it is made; the loop itself only gives each step its rate and clip norm. */
export const Optimizer = Schema.Struct({
  name: Schema.Literals(["adamw", "muon"]),
  betas: Schema.Tuple([Share, Share]),
  weightDecay: NotNegative,
  eps: Positive,
});
export type Optimizer = typeof Optimizer.Type;

/** Bounds on lengths, turns and patience. */
export const Limits = Schema.Struct({
  /** Tokens of the student's first prompt; longer ones are filtered out beforehand or masked with `none:overflow`. */
  promptTokens: Count,
  /** Tokens of the teacher's enriched prompt; the planner cuts sections to fit. */
  teacherPromptTokens: Count,
  /** Whether overlong tasks leave the stream before the first update, or cost a masked sample each time. */
  overlongPrompts: Schema.Literals(["filter", "mask"]),
  /** Actions per episode. */
  maxTurns: Count,
  /** Milliseconds that an environment has for one step; then the sample is masked. */
  stepTimeoutMillis: Count,
  /** Characters of one observation that an environment may return. */
  maxObservationChars: Count,
  /** How often a retryable failure of an environment is retried before the sample is masked. */
  environmentRetries: CountOrZero,
});
export type Limits = typeof Limits.Type;

/** What a phase of a schedule may do otherwise than the configuration; what it does not name stays. */
export const PhaseChanges = Schema.Struct({
  objective: Schema.optionalKey(Objective),
  lr: Schema.optionalKey(NotNegative),
  clipNorm: Schema.optionalKey(Positive),
  rolloutsPerPrompt: Schema.optionalKey(Count),
  sections: Schema.optionalKey(SectionSwitches),
  feedbackBesideSolution: Schema.optionalKey(Schema.Boolean),
  ownSolution: Schema.optionalKey(Schema.Boolean),
  goldSolution: Schema.optionalKey(Schema.Boolean),
  successWeights: Schema.optionalKey(Schema.Boolean),
  solutionBuffer: Schema.optionalKey(Schema.Boolean),
  reflect: Schema.optionalKey(Schema.Boolean),
  successTagging: Schema.optionalKey(Schema.Boolean),
});
export type PhaseChanges = typeof PhaseChanges.Type;

/**
 * A run in two phases: as configured until the success rate, over the first inner update of each of so many batches, has
 * reached a share, and as `next` says for the rest. The paper's own advice: RESD first, then reward-based optimization.
 */
export const ScheduleRule = Schema.Struct({
  until: Schema.Struct({ success: Share, batches: Count }),
  next: Schema.Struct({
    /** Names the second phase in metrics, log and summary. The first one is called `first`. */
    name: Schema.NonEmptyString.check(
      Schema.makeFilter((name) =>
        name === "first" ? "Expected another name than that of the first phase" : undefined,
      ),
    ),
    ...PhaseChanges.fields,
  }),
});
export type ScheduleRule = typeof ScheduleRule.Type;

/** Every choice of the algorithm that is data: a variant is a value of this, plus the layers of its seams. */
export const ResdConfig = Schema.Struct({
  /** B: prompts of a batch. */
  batchSize: Count,
  /** n: rollouts per prompt and update. */
  rolloutsPerPrompt: Count,
  /** K: inner updates on one batch before the next one is drawn. */
  updatesPerBatch: Count,
  /** Inner updates in all. With `epochs` too, whichever ends first. */
  updates: Schema.optionalKey(Count),
  /** Passes over the training split; 2.5 ends in the middle of the third. */
  epochs: Schema.optionalKey(Positive),
  /** The streaming protocol of the paper: refuses anything but one pass of ⌊tasks/B⌋·K updates. */
  singlePass: Schema.Boolean,
  /** Names of the environment's splits. */
  splits: Schema.Struct({
    train: Schema.NonEmptyString,
    evaluate: Schema.NonEmptyString,
    /** Tasks that choose the best policy (evaluation.keepBest), so that the held-out ones only report it. */
    select: Schema.optionalKey(Schema.NonEmptyString),
  }),

  /** `reflect` is what the run hands to reflectors and curators that ask a model. */
  sampling: Schema.Struct({ rollout: Sampling, reflect: Sampling, evaluate: Sampling }),
  rewardPolicy: Schema.Literals(["env", "all-pass", "fraction"]),
  successRule: SuccessRule,

  objective: Objective,
  /** Learning rate after warm-up; constant from there. */
  lr: NotNegative,
  optimizer: Optimizer,
  warmup: Warmup,
  /** Largest global norm of the gradient; absent: no clipping. */
  clipNorm: Schema.optionalKey(Positive),

  sections: SectionSwitches,
  /** Whether feedback stays in the teacher's prompt when there is a demonstration (trap T6). */
  feedbackBesideSolution: Schema.Boolean,
  /** Whether a solved attempt is its own demonstration; if not, it teaches nothing. */
  ownSolution: Schema.Boolean,
  /**
   * Whether the demonstration is the task's gold action, whatever was found; the environment has to have them. Absent: no.
   * Nothing else of a run ever reads them.
   */
  goldSolution: Schema.optionalKey(Schema.Boolean),
  /** Success-rate rebalancing. */
  successWeights: Schema.Boolean,
  /** Whether successes survive as demonstrations for later updates. */
  solutionBuffer: Schema.Boolean,

  /** Whether failures are reflected on at all; if not, nothing is tagged or curated. */
  reflect: Schema.Boolean,
  /** One playbook, one for each task, or none: then reflections only reach their own teacher prompt. */
  playbook: Schema.Literals(["global", "per-task", "none"]),
  /** Operations that a curator may propose; others are left out. The paper's curator only adds. */
  operations: Schema.Array(Schema.Literals(["Add", "Update", "Merge", "Delete"])),
  /** When the playbook is shortened, and whether once more after curation (traps T11 and T12). */
  concise: Schema.Struct({ ...ConciseSchedule.fields, afterCuration: Schema.Boolean }),
  /** Whether successes credit entries too. */
  successTagging: Schema.Boolean,
  /** Curation and success tagging look at one rollout per task. */
  deduplicate: Schema.Boolean,
  /** Leaves out additions whose text the playbook, or an earlier addition of the update, already has. */
  dropExactDuplicates: Schema.Boolean,
  /** Merges what an update added with entries that say the same in other words. Absent: no (the paper does not). */
  nearDuplicates: Schema.optionalKey(NearDuplicates),
  /** Student prompts carry a frozen copy of the playbook, refreshed every so many updates. Absent: bare prompts. */
  studentPlaybook: Schema.optionalKey(Schema.Struct({ every: Count })),
  /** After `minUpdates` inner updates a batch ends when fewer than this share of its prompts improved. */
  earlyStop: Schema.optionalKey(Schema.Struct({ minUpdates: Count, threshold: Share })),

  evaluation: Schema.Struct({
    /** Inner updates between evaluations; the untrained and the final policy are always evaluated. */
    every: Count,
    /** Evaluations by environment interactions instead, so that methods with unlike updates are measured alike. */
    at: Schema.optionalKey(EvaluationStages),
    /** The first so many held-out tasks. */
    tasks: Schema.Union([Count, Schema.Literal("all")]),
    /** k of mean@k and best@k. */
    samples: Count,
    /** Whether the teacher is measured too: its weights, with the current playbook in context. */
    teacher: Schema.Boolean,
    /** Keeps policy and playbook of the student's best evaluation, by this measure, beside those of the end. */
    keepBest: Schema.optionalKey(Schema.Literals(["perTask", "perTest", "bestOfK", "bestPerTest"])),
    /** With keepBest: ends the run after so many evaluations in a row without a better one. */
    patience: Schema.optionalKey(Count),
  }),
  /** A second method for when the first one has done its work. Absent: one method throughout. */
  schedule: Schema.optionalKey(ScheduleRule),
  /** What ends the run before its last update. */
  stop: Schema.optionalKey(StopRule),
  limits: Limits,
});
export type ResdConfig = typeof ResdConfig.Type;
