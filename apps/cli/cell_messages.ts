/** What a comparison and the processes of its cells say to each other. */
import type { ConfigPart } from "@resd/run";

/** What a process is to run. */
export interface CellJob {
  readonly parts: ReadonlyArray<ConfigPart>;
  /** Configuration file whose layers the run has. */
  readonly file?: string;
  /** Folder of the run; empty or absent. */
  readonly folder: string;
}

/** How far a run is. */
export interface CellProgress {
  readonly updates: number;
  /** Updates at most; a stop rule may end the run before. */
  readonly planned: number;
  readonly interactions: number;
  /** Held-out success at the last evaluation, in [0, 1]. */
  readonly success?: number;
}

/** What a process answers: how far it is, or why it failed. */
export type CellMessage =
  | ({ readonly _tag: "Progress" } & CellProgress)
  | { readonly _tag: "Failed"; readonly message: string };
