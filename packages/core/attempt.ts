/** One rollout with its outcome. The ids are the truth; text is derived from them and never re-rendered. */
import type { Action, Message, StepResult, ToolSpec } from "./episode.ts";

/** Token ids. */
export type Ids = Int32Array;

/** One rollout of one task: the conversation, its tokens, and how it was graded. */
export interface Attempt {
  /** hash(run seed, "rollout", update, task key, sample): names the attempt and seeds it. */
  readonly id: string;
  readonly taskKey: string;
  /** The task as plain text, as the environment gives it to reflectors. */
  readonly problem: string;
  /** k-th rollout of its task in this update. */
  readonly sample: number;
  /** The conversation before the first action. */
  readonly initial: ReadonlyArray<Message>;
  /** What the episode offered; absent without tools. */
  readonly tools?: ReadonlyArray<ToolSpec>;
  readonly actions: ReadonlyArray<Action>;
  readonly results: ReadonlyArray<StepResult>;
  /** Student prompt ++ everything after it, append-only. */
  readonly ids: Ids;
  /** Where the suffix begins: index of the first sampled token. */
  readonly from: number;
  /** Per suffix token: 1 = sampled by the policy, 0 = observation or template. */
  readonly mask: Uint8Array;
  /** Per suffix token: log-prob under the raw policy (temperature 1, full vocabulary); 0 where mask is 0. */
  readonly logProbs: Float32Array;
  /** Sum over steps under the run's reward policy. */
  readonly reward: number;
  readonly success: boolean;
  /** Passed share of the tests of the last step; equals `success` where there are none. */
  readonly fraction: number;
  /** The last action stopped by length. */
  readonly truncated: boolean;
  /** Hash of the weights that sampled it. */
  readonly policyVersion: string;
}
