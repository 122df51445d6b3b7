/** All playbooks of a store as bytes: one form for every store, so that a snapshot of one restores into another. */
import { PlaybookError } from "@resd/core";
import { Effect, Schema } from "effect";
import { PlaybookState } from "./state.ts";

const Snapshot = Schema.fromJsonString(
  Schema.Struct({
    format: Schema.Literal("resd-playbooks/1"),
    playbooks: Schema.Array(Schema.Struct({ key: Schema.String, ...PlaybookState.fields })),
  }),
);

/** The playbooks by key, as JSON in UTF-8; in the order of their keys, so that equal states give equal bytes. */
export const encodeSnapshot = (playbooks: ReadonlyMap<string, PlaybookState>): Uint8Array =>
  new TextEncoder().encode(
    // Encoding by the schema puts the fields in its order, wherever a state comes from.
    Schema.encodeSync(Snapshot)({
      format: "resd-playbooks/1",
      playbooks: [...playbooks.keys()]
        .toSorted()
        .map((key) => ({ key, ...(playbooks.get(key) as PlaybookState) })),
    }),
  );

/** Entry ids end in their number; the next number has to lie above all of them, or an id would be used twice. */
const brokenIds = ({ entries, nextId }: PlaybookState): string | undefined => {
  const ids = new Set(entries.map((entry) => entry.id));
  if (ids.size < entries.length) {
    return `every entry id once, got ${entries.length} entries with ${ids.size} ids`;
  }
  const highest = Math.max(0, ...entries.map(({ id }) => Number(/-(\d+)$/.exec(id)?.[1] ?? 0)));
  return highest < nextId ? undefined : `nextId above ${highest}, got ${nextId}`;
};

/** Reads what {@linkcode encodeSnapshot} wrote. Fails with a PlaybookError that says what is wrong and where. */
export const decodeSnapshot = Effect.fnUntraced(function* (
  bytes: Uint8Array,
): Effect.fn.Return<ReadonlyMap<string, PlaybookState>, PlaybookError> {
  const { playbooks } = yield* Schema.decodeUnknownEffect(Snapshot, { errors: "all" })(
    new TextDecoder().decode(bytes),
  ).pipe(
    Effect.mapError(
      (error) =>
        new PlaybookError({
          key: "*",
          message: `Expected a snapshot of playbooks (resd-playbooks/1), got ${error.message}; restore bytes that a playbook's snapshot gave`,
        }),
    ),
  );
  for (const { key, ...state } of playbooks) {
    const broken = brokenIds(state);
    if (broken !== undefined) {
      return yield* new PlaybookError({
        key,
        message: `Expected ${broken}, at playbook ${JSON.stringify(key)} of the snapshot; restore an unedited snapshot`,
      });
    }
  }
  return new Map(playbooks.map(({ key, ...state }) => [key, state]));
});
