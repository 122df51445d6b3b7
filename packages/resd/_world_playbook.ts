/** The playbook store of the test world: in memory, with every change in the log. */
import type { HistoryLine, PlaybookShape } from "@resd/core";
import { Effect, Stream } from "effect";
import type { WorldNotes } from "./_world_options.ts";
import { type PlaybookState, emptyState } from "./playbook/state.ts";
import { historyLines, playbookOver } from "./playbook/store.ts";

/** An empty store. */
export const makeWorldPlaybook = ({ log }: WorldNotes): PlaybookShape => {
  const states = new Map<string, PlaybookState>();
  const histories = new Map<string, Array<HistoryLine>>();
  const stored = playbookOver({
    read: (key) => Effect.sync(() => states.get(key) ?? emptyState),
    write: (key, cause, transition) =>
      Effect.sync(() => {
        const result = transition(states.get(key) ?? emptyState);
        states.set(key, result.state);
        const lines = histories.get(key) ?? [];
        lines.push(...historyLines(key, cause, result));
        histories.set(key, lines);
        return result;
      }),
    history: (key, after) => Stream.fromIterable((histories.get(key) ?? []).slice(after)),
    readAll: Effect.sync(() => states),
    replaceAll: (playbooks) =>
      Effect.sync(() => {
        states.clear();
        for (const [key, state] of playbooks) states.set(key, state);
      }),
  });
  const logged = <A, E>(line: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      log.push(line);
      return effect;
    });
  return {
    ...stored,
    apply: (key, operations, cause) =>
      logged(
        `apply ${operations.map((operation) => operation._tag).join(" ")} to ${key}`,
        stored.apply(key, operations, cause),
      ),
    tag: (key, tags, cause) =>
      logged(
        `tag ${tags.map((tag) => `${tag.entry} ${tag.sign}`).join(", ")}`,
        stored.tag(key, tags, cause),
      ),
    concise: (key, rule, seed, cause) =>
      logged(
        `concise ${key} ${rule.method}${rule.cap === undefined ? "" : ` to ${rule.cap}`}`,
        stored.concise(key, rule, seed, cause),
      ),
    advance: (key, cause) => logged(`advance ${key}`, stored.advance(key, cause)),
  };
};
