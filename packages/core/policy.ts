/**
 * The policy seam: a language model that acts, is asked, and is taught. Ids in, ids out; logits never cross it.
 * The student's top-k is chosen inside `update`; the teacher's weights, and the rule that moves them, live inside.
 */
import { Context, type Effect, Schema } from "effect";
import type { Ids } from "./attempt.ts";
import type { Stop } from "./episode.ts";
import type { Objective, ObjectiveKind, TeacherRule } from "./objective.ts";
import type { Prompt } from "./prompt.ts";

/** Why a sample did or did not get a signal: counted, and logged with every rollout. */
export const SignalReason = Schema.Literals([
  "reflection",
  "feedback",
  "own-solution",
  "peer-solution",
  "buffered-solution",
  "gold-solution",
  "reward",
  "none:no-teacher",
  "none:no-solution",
  "none:deduplicated",
  "none:overflow",
  "none:environment-error",
]);
export type SignalReason = typeof SignalReason.Type;

/** How tokens are drawn: logits over `temperature`, then `topK`, then the nucleus `topP`. */
export const Sampling = Schema.Struct({
  /** 0 is greedy. */
  temperature: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  topP: Schema.Finite.check(Schema.isBetween({ minimum: 1e-6, maximum: 1 })),
  /** 0 is off. */
  topK: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  maxTokens: Schema.Int.check(Schema.isGreaterThan(0)),
  /**
   * Texts that end an answer, however they lie across tokens. The answer's text ends before them, as in the APIs of others;
   * its tokens are all that were sampled, with their log-probs.
   */
  stop: Schema.Array(Schema.NonEmptyString),
});
export type Sampling = typeof Sampling.Type;

/** Which weights answer: the policy's own, or those of its teacher. */
export type Role = "student" | "teacher";

/** One prompt to continue. `seed` alone decides its draws, whatever else is in the batch. */
export interface GenerateRequest {
  readonly id: string;
  readonly prompt: Ids;
  readonly seed: number;
  readonly sampling: Sampling;
  readonly as: Role;
}

/** The answer to one request; `ids` and `logProbs` have one element per sampled token. */
export interface Generation {
  /** Sampled ids, the end-of-sequence token included when it was sampled. */
  readonly ids: Ids;
  /** Under the raw policy: temperature 1, full vocabulary. */
  readonly logProbs: Float32Array;
  readonly stop: Stop;
  readonly policyVersion: string;
}

/** Known tokens whose log-probs are wanted, and the `topK` most probable tokens beside each. */
export interface ScoreRequest {
  readonly ids: Ids;
  /** The first token to score is `ids[from]`. */
  readonly from: number;
  readonly as: Role;
  readonly topK?: number;
}

/** Log-probs at temperature 1 of `ids[from…]`, one element per scored token. */
export interface Score {
  readonly logProbs: Float32Array;
  /** Row-major [tokens, topK]. */
  readonly top?: { readonly ids: Ids; readonly logProbs: Float32Array };
}

/** One sequence to train on: the student's, and the same suffix behind the teacher's enriched prompt. */
export interface TrainSample {
  readonly id: string;
  readonly student: { readonly ids: Ids; readonly from: number };
  /** Enriched prompt ++ the same suffix; the equality of the suffixes is checked. Absent: nothing to distil. */
  readonly teacher?: { readonly ids: Ids; readonly from: number };
  /** Per suffix token: 1 = train on it. */
  readonly mask: Uint8Array;
  /** Success-rate rebalancing, batch mean 1. */
  readonly weight: number;
  readonly advantage?: number;
  /** Per suffix token: log-prob at sampling time. */
  readonly behaviour: Float32Array;
  readonly signal: SignalReason;
}

/** What one sample contributed, as means over its trained tokens; entropies and divergences in nats. */
export interface SampleReport {
  readonly id: string;
  readonly loss: number;
  readonly tokens: number;
  /** Mean divergence per trained token, before weights. */
  readonly divergence: number;
  readonly studentEntropy: number;
  readonly teacherEntropy: number;
  /** Share of buckets at a clamp. */
  readonly clampedFraction: number;
  /** log q − log p of the sampled token, per trained token. */
  readonly logRatio?: Float32Array;
}

/** What one update did. `loss` and norms are of the whole batch. */
export interface UpdateReport {
  readonly loss: number;
  /** Before clipping. */
  readonly gradNorm: number;
  /** Why nothing changed, not even the teacher: a non-finite norm. */
  readonly skipped?: string;
  /** ‖θ_T − θ‖₂ after the teacher rule. */
  readonly teacherDrift: number;
  readonly paramDeltaNorm: number;
  /** Mean |log p at training − log p at sampling| over trained tokens: a canary for stale or foreign weights. */
  readonly logProbGap: number;
  readonly policyVersion: string;
  readonly samples: ReadonlyArray<SampleReport>;
}

/** A policy that cannot do what is asked: `reason` says whose fault it is, `message` what to do. */
export class PolicyError extends Schema.TaggedError<PolicyError>()("PolicyError", {
  message: Schema.String,
  reason: Schema.Literals([
    "compute",
    "context-overflow",
    "bad-request",
    "unsupported",
    "model-files",
    "io",
  ]),
}) {}

/** A model that acts and learns, with its teacher: ids in, ids out. Only `update` and `load` change weights. */
export interface PolicyShape {
  readonly info: {
    readonly model: string;
    /** Prompt format that the model folder asks for. */
    readonly format: "chat" | "compact";
    readonly maxContext: number;
    readonly vocabSize: number;
    readonly parameters: number;
    readonly backend: string;
  };
  readonly capabilities: {
    readonly objectives: ReadonlyArray<ObjectiveKind>;
    readonly topK: number | "full";
    readonly teachers: ReadonlyArray<TeacherRule["_tag"]>;
    readonly rawLogProbs: boolean;
    readonly gradClip: boolean;
    readonly deterministic: boolean;
  };
  /** Control segments become control tokens; text segments never do. */
  readonly encode: (prompt: Prompt) => Effect.Effect<Ids, PolicyError>;
  /** Text of ids without control tokens. */
  readonly decode: (ids: Ids) => string;
  /** Answers in request order. Batches depend on the request list alone. */
  readonly generate: (
    requests: ReadonlyArray<GenerateRequest>,
  ) => Effect.Effect<ReadonlyArray<Generation>, PolicyError>;
  readonly score: (
    items: ReadonlyArray<ScoreRequest>,
  ) => Effect.Effect<ReadonlyArray<Score>, PolicyError>;
  /**
   * Student forward → its top-k → teacher forward on them → loss → backward, in micro-batches; then clip, step and,
   * unless skipped, the teacher rule. What is generated afterwards comes from the new weights.
   */
  readonly update: (
    batch: ReadonlyArray<TrainSample>,
    objective: Objective,
    step: { readonly lr: number; readonly clipNorm?: number },
  ) => Effect.Effect<UpdateReport, PolicyError>;
  /** Hash of the current weights of a role. */
  readonly version: (as: Role) => Effect.Effect<string, PolicyError>;
  /** `weights`: a model folder others load. `all`: plus optimizer, teacher and counters, for resuming. */
  readonly save: (folder: string, what: "weights" | "all") => Effect.Effect<void, PolicyError>;
  readonly load: (folder: string) => Effect.Effect<void, PolicyError>;
}

/** The policy of a run. */
export class Policy extends Context.Service<Policy, PolicyShape>()("@resd/core/Policy") {}
