/** Playbooks that come from somewhere: snapshots, files of a run, and the text that ACE and models write. */
import { type Operation, View } from "@resd/core";
import { Effect, Result, Schema } from "effect";
import { applyOperations } from "./operations.ts";
import { parsePlaybook } from "./render.ts";
import { SECTIONS } from "./sections.ts";
import { decodeSnapshot } from "./snapshot.ts";
import { type PlaybookState, emptyState } from "./state.ts";

/** Text that holds no playbook. */
export class PlaybookTextError extends Schema.TaggedError<PlaybookTextError>()(
  "PlaybookTextError",
  { message: Schema.String },
) {}

/** A file `playbook/<step>.json` of a run. */
export const StepFile = Schema.fromJsonString(
  Schema.Struct({ update: Schema.Int, playbooks: Schema.Record(Schema.String, View) }),
);

/** A state whose next id lies above all ids of a view. */
export const stateOfView = ({ version, updateCount, entries }: View): PlaybookState => ({
  entries,
  nextId: Math.max(0, ...entries.map(({ id }) => Number(/-(\d+)$/.exec(id)?.[1] ?? 0))) + 1,
  updateCount,
  version,
});

/** The operation that takes a playbook over into another, with credit and provenance. */
export const importOf = (entries: PlaybookState["entries"]): Operation => ({
  _tag: "Import",
  entries: entries.map(({ id, section, text, helpful, harmful, origins }) => ({
    id,
    section,
    text,
    helpful,
    harmful,
    ...(origins === undefined ? {} : { origins }),
  })),
});

/** Whether a file of a playbook is JSON; else it is text. */
export const isJson = (text: string): boolean => text.trimStart().startsWith("{");

const looksLikeText = (text: string): boolean =>
  SECTIONS.some((section) => text.includes(`## ${section}`)) || parsePlaybook(text).length > 0;

/**
 * Reads playbooks by key: a snapshot of any store, a step of a run, or text of the form
 * `[calc-00007] helpful=2 harmful=0 :: lesson` below `## ` headers, which becomes the playbook of the key `key`.
 */
export const readPlaybooks = Effect.fn("readPlaybooks")(function* (
  text: string,
  key = "global",
): Effect.fn.Return<ReadonlyMap<string, PlaybookState>, PlaybookTextError> {
  if (!isJson(text)) {
    if (!looksLikeText(text)) {
      return yield* new PlaybookTextError({
        message: `Expected a playbook as JSON or as text with "## " headers and lines such as "[calc-00007] helpful=2 harmful=0 :: lesson", got ${JSON.stringify(text.slice(0, 60))}; export one to see the form`,
      });
    }
    const operations = [
      { _tag: "Import", entries: parsePlaybook(text) },
    ] satisfies ReadonlyArray<Operation>;
    return new Map([[key, applyOperations(emptyState, operations).state]]);
  }
  const step = Schema.decodeUnknownResult(StepFile)(text);
  if (Result.isSuccess(step)) {
    return new Map(
      Object.entries(step.success.playbooks).map(([name, view]) => [name, stateOfView(view)]),
    );
  }
  return yield* Effect.mapError(
    decodeSnapshot(new TextEncoder().encode(text)),
    ({ message }) => new PlaybookTextError({ message }),
  );
});
