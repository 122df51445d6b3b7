/** The Playbook service over any backend that can keep states: what a playbook does is the same in all of them. */
import {
  type Cause,
  type Change,
  type HistoryLine,
  type PlaybookError,
  type PlaybookShape,
} from "@resd/core";
import { Effect, type Stream } from "effect";
import { concise } from "./concise.ts";
import { applyOperations } from "./operations.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";
import { type PlaybookState, type Transition, advance, viewOf } from "./state.ts";
import { applyTags } from "./tagging.ts";

/** A transition as lines of the history of a key. */
export const historyLines = (
  key: string,
  cause: Cause,
  { state, changes }: Transition,
): ReadonlyArray<HistoryLine> =>
  changes.map((change: Change) => ({ key, version: state.version, cause, change }));

/** What a store has to bring: keeping states and the lines of their history, safe from each other's writers. */
export interface PlaybookBackend {
  /** The state of a key; `emptyState` for one that nothing was ever written to. */
  readonly read: (key: string) => Effect.Effect<PlaybookState, PlaybookError>;
  /**
   * Reads a state, runs `step` on it, and keeps the new state and its changes: all of it or nothing, and with no
   * other writer in between. A transition without changes leaves no trace.
   */
  readonly write: <A extends Transition>(
    key: string,
    cause: Cause,
    step: (state: PlaybookState) => A,
  ) => Effect.Effect<A, PlaybookError>;
  /** The lines of a key, oldest first, without the first `after` ones. */
  readonly history: (key: string, after: number) => Stream.Stream<HistoryLine, PlaybookError>;
  readonly readAll: Effect.Effect<ReadonlyMap<string, PlaybookState>, PlaybookError>;
  /** Puts these states in the place of all others, and keeps of each key's history the lines up to its version. */
  readonly replaceAll: (
    playbooks: ReadonlyMap<string, PlaybookState>,
  ) => Effect.Effect<void, PlaybookError>;
}

/** The playbook of a backend. */
export const playbookOver = (backend: PlaybookBackend): PlaybookShape => ({
  view: (key) => Effect.map(backend.read(key), viewOf),
  apply: (key, operations, cause) =>
    Effect.map(
      backend.write(key, cause, (state) => applyOperations(state, operations, cause)),
      ({ state }) => viewOf(state),
    ),
  tag: (key, tags, cause) =>
    Effect.asVoid(backend.write(key, cause, (state) => applyTags(state, tags))),
  concise: (key, rule, seed, cause) =>
    Effect.map(
      backend.write(key, cause, (state) => concise(state, rule, seed)),
      ({ removals }) => removals,
    ),
  advance: (key, cause) => Effect.asVoid(backend.write(key, cause, advance)),
  history: (key, after = 0) => backend.history(key, after),
  keys: Effect.map(backend.readAll, (playbooks) => [...playbooks.keys()].toSorted()),
  snapshot: Effect.map(backend.readAll, encodeSnapshot),
  restore: (snapshot) => Effect.flatMap(decodeSnapshot(snapshot), backend.replaceAll),
});
