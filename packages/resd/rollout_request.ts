/** What is asked of a rollout, and what it gives back. */
import {
  type Attempt,
  type Episode,
  type Format,
  type Ids,
  type ModelUse,
  type Policy,
  type PolicyError,
  type Prompt,
  type RewardPolicy,
  type Role,
  type Sampling,
  type TaskRow,
  hashName,
  hashSeed,
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

/** What is asked in an inner update (counted from 0) of a run with this seed; every draw has a seed of its own. */
export const trainingRequest = (
  row: TaskRow<unknown>,
  group: RolloutRequest["group"],
  seed: number,
  update: number,
): RolloutRequest => ({
  id: hashName(seed, "rollout", update, row.key, group.index),
  row,
  group,
  episodeSeed: hashSeed(seed, "episode", update, row.key, group.index),
  turnSeed: (turn) => hashSeed(seed, "rollout", update, row.key, group.index, turn),
});

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
