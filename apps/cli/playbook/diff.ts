/** `resd playbook diff`: what changed between two moments of a playbook, or between two playbooks. */
import type { Entry } from "@resd/core";
import { type PlaybookDifference, playbookDifference } from "@resd/resd";
import { Console, Effect, Option } from "effect";
import { type Ink, inkFor } from "../ink.ts";
import { choosePlaybook, readSource } from "./source.ts";

export interface DiffInput {
  readonly before: string;
  readonly after: Option.Option<string>;
  readonly key: Option.Option<string>;
  readonly from: Option.Option<number>;
  readonly to: Option.Option<number>;
  readonly json: boolean;
}

const credit = ({ helpful, harmful }: Entry): string => `+${helpful} −${harmful}`;

const text = (
  names: readonly [string, string],
  { added, removed, rewritten, credited, same }: PlaybookDifference,
  ink: Ink,
): string =>
  [
    `${ink("bold", `${names[0]} → ${names[1]}`)}: ${added.length} came, ${removed.length} left, ${rewritten.length} reworded, ${credited.length} credited, ${same} as they were`,
    ...removed.map((entry) => ink("red", `- ${entry.id}  ${credit(entry)}  ${entry.text}`)),
    ...added.map((entry) => ink("green", `+ ${entry.id}  ${credit(entry)}  ${entry.text}`)),
    ...rewritten.flatMap(({ before, after }) => [
      ink("yellow", `~ ${after.id}  ${credit(before)} → ${credit(after)}`),
      `    ${before.section === after.section ? "" : `${before.section}: `}${before.text}`,
      `    ${before.section === after.section ? "" : `${after.section}: `}${after.text}`,
    ]),
    ...credited.map(
      ({ before, after }) => `  ${after.id}  ${credit(before)} → ${credit(after)}  ${after.text}`,
    ),
  ].join("\n");

export const diff = Effect.fnUntraced(function* (input: DiffInput) {
  const key = Option.getOrUndefined(input.key);
  const other = Option.getOrElse(input.after, () => input.before);
  const first = yield* readSource(input.before, Option.getOrUndefined(input.from));
  const second = yield* readSource(other, Option.getOrUndefined(input.to));
  const before = yield* choosePlaybook(first, key);
  const after = yield* choosePlaybook(second, key ?? before.key);
  // Ids of different places have nothing to do with each other.
  const by = other === input.before ? "id" : "text";
  const difference = playbookDifference(before.state.entries, after.state.entries, by);
  const names = [first.name, second.name] as const;
  yield* Console.log(
    input.json
      ? JSON.stringify({ before: names[0], after: names[1], by, ...difference })
      : text(names, difference, inkFor(process.stdout)),
  );
});
