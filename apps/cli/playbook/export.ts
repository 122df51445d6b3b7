/** `resd playbook export`: playbooks as the text of ACE, or as a snapshot that every store restores. */
import { writeFileSync } from "node:fs";
import { encodeSnapshot, renderPlaybook } from "@resd/resd";
import { Console, Effect, Option } from "effect";
import {
  PlaybookSourceError,
  choosePlaybook,
  readSource,
  reasonOf,
  tellPassedOver,
} from "./source.ts";

export interface ExportInput {
  readonly source: string;
  readonly key: Option.Option<string>;
  readonly at: Option.Option<number>;
  /** The text holds one playbook and no provenance; JSON all of them, or the one of the key, with everything. */
  readonly as: "text" | "json";
  readonly out: Option.Option<string>;
}

export const exportPlaybook = Effect.fnUntraced(function* (input: ExportInput) {
  const source = yield* readSource(input.source, Option.getOrUndefined(input.at));
  yield* tellPassedOver(source);
  const key = Option.getOrUndefined(input.key);
  const chosen =
    input.as === "text" || key !== undefined ? yield* choosePlaybook(source, key) : undefined;
  const playbooks = chosen === undefined ? source.playbooks : new Map([[chosen.key, chosen.state]]);
  const text =
    input.as === "text"
      ? `${renderPlaybook(chosen?.state.entries ?? [])}\n`
      : `${new TextDecoder().decode(encodeSnapshot(playbooks))}\n`;
  if (Option.isNone(input.out)) return yield* Effect.sync(() => void process.stdout.write(text));
  const file = input.out.value;
  yield* Effect.try({
    try: () => writeFileSync(file, text),
    catch: (cause) =>
      new PlaybookSourceError({
        message: `Expected a place for the playbook, got ${reasonOf(cause)}, at --out ${file}; choose another`,
      }),
  });
  const entries = [...playbooks.values()].reduce((sum, state) => sum + state.entries.length, 0);
  yield* Console.error(`${entries} entries of ${source.name} written to ${file}`);
});
