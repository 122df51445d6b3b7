/** Reflector and curator of the test world: every failure teaches that its task's word is itself. */
import {
  type Attempt,
  Curator,
  type Operation,
  type Reflection,
  Reflector,
  type ReplyParse,
  type View,
} from "@resd/core";
import { Effect } from "effect";
import type { WorldNotes, WorldOptions } from "./_world_options.ts";

/** Both; what they are asked and what they read is logged. */
export const makeWorldWords = (options: WorldOptions, { log }: WorldNotes) => {
  const texts = (view: View) => view.entries.map((entry) => entry.text).join(", ");
  const keys = (attempts: ReadonlyArray<Attempt>) =>
    attempts.map((attempt) => attempt.taskKey).join(" ");
  const reflect =
    options.reflect ??
    ((attempt): Reflection => ({
      text: `because ${attempt.taskKey}`,
      insight: `${attempt.taskKey} is itself`,
      tags: [],
      parse: "ok",
    }));
  const reflector = Reflector.of({
    freeText: options.freeText?.reflector ?? false,
    reflect: (failures, view, { update }) =>
      Effect.sync(() => {
        log.push(`reflect on ${keys(failures)} at ${update} reading [${texts(view)}]`);
        return {
          reflections: failures.map((attempt) => reflect(attempt, view)),
          use: { modelCalls: failures.length, generatedTokens: 3 * failures.length },
        };
      }),
    credit: (successes, view) =>
      Effect.sync(() => {
        const credits = view.entries.map((entry) => `${entry.helpful}-${entry.harmful}`);
        log.push(`credit ${keys(successes)} reading [${credits.join(", ")}]`);
        return {
          tags: successes.map((attempt) => options.credit?.(attempt, view) ?? []),
          use: { modelCalls: successes.length, generatedTokens: successes.length },
        };
      }),
  });
  const curate =
    options.curate ??
    ((attempt): { operations: ReadonlyArray<Operation>; parse: ReplyParse } => ({
      operations: [{ _tag: "Add", section: "OTHERS", text: `${attempt.taskKey} is itself` }],
      parse: "ok",
    }));
  const curator = Curator.of({
    curate: (items, view) =>
      Effect.sync(() => {
        log.push(`curate ${keys(items.map((item) => item.attempt))} reading [${texts(view)}]`);
        return {
          proposals: items.map(({ attempt, reflection }) => ({
            ...curate(attempt, reflection, view),
            text: "curated",
          })),
          use: { modelCalls: items.length, generatedTokens: 2 * items.length },
        };
      }),
  });
  return { reflector, curator };
};
