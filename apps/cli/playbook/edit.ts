/** `resd playbook edit`: a person adds, rewords, merges and takes out lessons; the history says so. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry, Operation, PlaybookShape } from "@resd/core";
import {
  editOperations,
  mergeOperations,
  nearDuplicates,
  playbookDifference,
  readPlaybookText,
  renderPlaybook,
} from "@resd/resd";
import { Console, Effect, Option } from "effect";
import { BY_A_PERSON } from "./import.ts";
import { PlaybookSourceError, passedOverText, reasonOf } from "./source.ts";
import { withStore } from "./store.ts";

export interface EditInput {
  readonly store: string;
  readonly key: Option.Option<string>;
  /** `section: lesson`. */
  readonly add: ReadonlyArray<string>;
  /** `id=lesson`. */
  readonly set: ReadonlyArray<string>;
  readonly drop: ReadonlyArray<string>;
  /** `id,id=lesson`. */
  readonly join: ReadonlyArray<string>;
  /** Threshold from which entries are merged that say the same. */
  readonly near: Option.Option<number>;
  /** File with the edited text. */
  readonly text: Option.Option<string>;
  readonly json: boolean;
}

const refuse = (message: string) => new PlaybookSourceError({ message });

/** What stands before and after the first `separator`. */
const split = Effect.fnUntraced(function* (text: string, separator: string, form: string) {
  const at = text.indexOf(separator);
  if (at < 1) return yield* refuse(`Expected ${form}, got ${JSON.stringify(text)}; write it so`);
  return [text.slice(0, at).trim(), text.slice(at + separator.length).trim()] as const;
});

const readText = (file: string) =>
  Effect.try({
    try: () => readFileSync(file, "utf8"),
    catch: (cause) =>
      refuse(
        `Expected a file with a playbook as text, got ${reasonOf(cause)}, at --text ${file}; correct the path`,
      ),
  });

/** What the flags ask for. */
const operationsOf = Effect.fnUntraced(function* (input: EditInput) {
  const operations: Array<Operation> = [];
  for (const one of input.add) {
    const [section, text] = yield* split(one, ":", '--add "<section>: <lesson>"');
    operations.push({ _tag: "Add", section, text });
  }
  for (const one of input.set) {
    const [entry, text] = yield* split(one, "=", '--set "<id>=<lesson>"');
    operations.push({ _tag: "Update", entry, text });
  }
  for (const one of input.join) {
    const [ids, text] = yield* split(one, "=", '--join "<id>,<id>=<lesson>"');
    operations.push({ _tag: "Merge", entries: ids.split(",").map((id) => id.trim()), text });
  }
  for (const entry of input.drop) operations.push({ _tag: "Delete", entry });
  return operations as ReadonlyArray<Operation>;
});

const namedIn = (operation: Operation): ReadonlyArray<string> =>
  operation._tag === "Merge"
    ? operation.entries
    : operation._tag === "Update" || operation._tag === "Delete"
      ? [operation.entry]
      : [];

/** Ids that a person has mistyped are errors; those that a model makes up are passed over. */
const checkIds = Effect.fnUntraced(function* (
  operations: ReadonlyArray<Operation>,
  entries: ReadonlyArray<Entry>,
) {
  const known = new Set(entries.map(({ id }) => id));
  const unknown = operations.flatMap(namedIn).filter((id) => !known.has(id));
  if (unknown.length > 0) {
    return yield* refuse(
      `Expected ids of entries, got ${unknown.join(", ")}; resd playbook show names them`,
    );
  }
});

/** The text that a person makes of a playbook in their editor, in a file that stays until `use` has taken it over. */
const inEditor = <A, E extends { readonly message: string }>(
  text: string,
  use: (edited: string) => Effect.Effect<A, E>,
): Effect.Effect<A, E | PlaybookSourceError> =>
  Effect.suspend(() => {
    const editor = process.env["VISUAL"] ?? process.env["EDITOR"];
    if (editor === undefined || process.stdin.isTTY !== true) {
      return Effect.fail(
        refuse(
          "Expected something to change, got no flag and no editor; use --add, --set, --join, --drop, --near or --text, or set EDITOR on a terminal",
        ),
      );
    }
    const folder = mkdtempSync(join(tmpdir(), "resd-playbook-"));
    const file = join(folder, "playbook.txt");
    writeFileSync(file, `${text}\n`);
    // EDITOR may hold arguments of its own, so a shell reads it.
    const { status } = spawnSync(`${editor} "${file}"`, { stdio: "inherit", shell: true });
    const forget = Effect.sync(() => rmSync(folder, { recursive: true }));
    const kept = (message: string) =>
      refuse(
        `${message}; nothing was changed, and what you wrote is in ${file}: correct it and give it as --text`,
      );
    return status === 0
      ? use(readFileSync(file, "utf8")).pipe(
          Effect.tap(forget),
          Effect.mapError(({ message }) => kept(message)),
        )
      : Effect.fail(kept(`Expected ${editor} to end well, got status ${status}`));
  });

/** What makes of a playbook what was written. A line that cannot be read would be a lesson lost, so it is refused. */
const textOperations = Effect.fnUntraced(function* (entries: ReadonlyArray<Entry>, edited: string) {
  const { entries: written, passedOver } = readPlaybookText(edited);
  if (passedOver.length > 0) {
    return yield* refuse(
      `Expected a playbook as text, got ${passedOverText(passedOver)}; a new lesson is a line such as "[new] helpful=0 harmful=0 :: Mind the carry."`,
    );
  }
  return yield* Effect.mapError(Effect.fromResult(editOperations(entries, written)), refuse);
});

/** Everything that is asked for, in its order: flags, then the text, then near-duplicates. */
const changes = Effect.fnUntraced(function* (
  input: EditInput,
  playbook: PlaybookShape,
  key: string,
) {
  const asked = yield* operationsOf(input);
  const { entries } = yield* playbook.view(key);
  yield* checkIds(asked, entries);
  const silent = asked.length === 0 && Option.isNone(input.near) && Option.isNone(input.text);
  const write = (edited: string) =>
    Effect.flatMap(textOperations(entries, edited), (written) =>
      playbook.apply(key, [...asked, ...written], BY_A_PERSON),
    );
  if (silent) yield* inEditor(renderPlaybook(entries), write);
  else if (Option.isSome(input.text)) yield* write(yield* readText(input.text.value));
  else yield* playbook.apply(key, asked, BY_A_PERSON);
  if (Option.isSome(input.near)) {
    const groups = yield* nearDuplicates((yield* playbook.view(key)).entries, {
      threshold: input.near.value,
    });
    yield* playbook.apply(key, mergeOperations(groups), { update: 0, by: "duplicates" });
  }
  return { before: entries, after: (yield* playbook.view(key)).entries };
});

export const edit = Effect.fnUntraced(function* (input: EditInput) {
  const key = Option.getOrElse(input.key, () => "global");
  const makes = input.add.length > 0 || Option.isSome(input.text);
  if (!makes && !existsSync(input.store)) {
    return yield* refuse(
      `Expected a playbook to change, got nothing, at ${input.store}; --add or --text makes one`,
    );
  }
  const { before, after } = yield* withStore(input.store, (playbook) =>
    changes(input, playbook, key),
  );
  const { added, removed, rewritten, credited } = playbookDifference(before, after);
  const changed = [
    ...removed.map(({ id, text }) => `- ${id}  ${text}`),
    ...added.map(({ id, text }) => `+ ${id}  ${text}`),
    ...[...rewritten, ...credited].map(({ after: { id, text } }) => `~ ${id}  ${text}`),
  ];
  yield* Console.log(
    input.json
      ? JSON.stringify({ key, added, removed, rewritten, credited })
      : changed.length === 0
        ? "Nothing changed."
        : changed.join("\n"),
  );
});
