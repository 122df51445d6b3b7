/** What is asked of a rollout, and what it gives back. */
import type {
  Attempt,
  Episode,
  Format,
  Ids,
  ModelUse,
  Policy,
  PolicyError,
  Prompt,
  RewardPolicy,
  Role,
  Sampling,
  TaskRow,
} from "@resd/core";
import type { Effect } from "effect";
import type { Limits } from "./config.ts";

/** One attempt to make. */
export interface RolloutRequest {
  /** Names the attempt. */
  readonly id: string;
  readonly row: TaskRow<unknown>;
  /** This is the `index`-th of `size` rollouts of its task. */
  readonly group: { readonly index: number; readonly size: number };
  readonly episodeSeed: number;
  /** Seed of the sampling of a turn, counted from 0. */
  readonly turnSeed: (turn: number) => number;
}

/** What an episode shows before the first action. */
export type Opening = Pick<Episode, "initial" | "tools">;

/** A first prompt that is ready to be sampled from, or why there is none. */
export type FirstPrompt =
  | { readonly _tag: "Ready"; readonly prompt: Prompt; readonly ids: Ids }
  | { readonly _tag: "TooLong"; readonly message: string };

/** How all attempts of one call are made. */
export interface RolloutRules {
  readonly as: Role;
  readonly sampling: Sampling;
  readonly rewardPolicy: RewardPolicy;
  readonly limits: Limits;
  readonly firstPrompt: (
    opening: Opening,
    row: TaskRow<unknown>,
  ) => Effect.Effect<FirstPrompt, PolicyError, Policy | Format>;
}

/** Why an attempt has no grade, and so no part in anything that is learned. */
export interface Ungraded {
  readonly reason: "none:environment-error" | "none:overflow";
  readonly message: string;
  /** The task itself is broken: it will not be tried again. */
  readonly brokenTask: boolean;
}

/** One attempt with its first prompt; of an ungraded one, what there is. */
export interface Rollout {
  readonly row: TaskRow<unknown>;
  readonly prompt: Prompt;
  readonly attempt: Attempt;
  readonly ungraded?: Ungraded;
}

/** What all attempts of one call came to. */
export interface Rollouts {
  /** In the order of the requests. */
  readonly rollouts: ReadonlyArray<Rollout>;
  /** Episodes opened, those of retries included. */
  readonly episodes: number;
  readonly use: ModelUse;
}
