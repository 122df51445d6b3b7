/** `resd playbook show`: the lessons with their credit, or everything that is known of one of them. */
import { existsSync, readFileSync } from "node:fs";
import type { Cause, Entry, HistoryLine, Origin } from "@resd/core";
import { type Credit, creditOf, playbookStats } from "@resd/resd";
import { runFiles, stepName } from "@resd/run";
import { Console, Effect, Option } from "effect";
import { type Ink, inkFor } from "../ink.ts";
import { PlaybookSourceError, choosePlaybook, readSource, tellPassedOver } from "./source.ts";

export interface ShowInput {
  readonly source: string;
  readonly key: Option.Option<string>;
  readonly at: Option.Option<number>;
  readonly entry: Option.Option<string>;
  readonly json: boolean;
}

/** The attempt of a run that something followed. */
interface Followed {
  readonly problem: string;
  readonly answer: string;
  readonly feedback: string;
  readonly reflection: string;
}

/** Looks an attempt up in the rollouts of a run. */
const followed = (run: string | undefined, cause: Cause): Followed | undefined => {
  if (run === undefined || cause.attempt === undefined) return undefined;
  const file = `${runFiles(run).rollouts}/step-${stepName(cause.update + 1)}.jsonl`;
  if (!existsSync(file)) return undefined;
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (!line.includes(cause.attempt)) continue;
    const found = JSON.parse(line) as {
      readonly id: string;
      readonly problem: string;
      readonly feedback: string;
      readonly actions: ReadonlyArray<{ readonly content: string }>;
      readonly reflection?: { readonly text: string };
    };
    if (found.id !== cause.attempt) continue;
    return {
      problem: found.problem,
      answer: found.actions.map(({ content }) => content).join(" "),
      feedback: found.feedback,
      reflection: found.reflection?.text ?? "",
    };
  }
  return undefined;
};

const row = ({ id, helpful, harmful, text }: Entry): string =>
  `  ${id.padEnd(12)}${`+${helpful} −${harmful}`.padEnd(10)}${text}`;

const whole = (name: string, key: string, entries: ReadonlyArray<Entry>, ink: Ink): string => {
  const { total, highPerforming, problematic, unused } = playbookStats(entries);
  const sections = Map.groupBy(entries, ({ section }) => section);
  return [
    `${ink("bold", `${total} entries`)} of ${key} in ${name}: ${highPerforming} much helpful, ${problematic} doing harm, ${unused} never tagged`,
    ...[...sections].flatMap(([section, some]) => ["", ink("dim", section), ...some.map(row)]),
  ].join("\n");
};

const short = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
};

const causeText = ({ update, by, attempt, reflection }: Cause): string =>
  `in update ${update + 1} by ${by}${attempt === undefined ? "" : `, attempt ${attempt}`}${reflection === undefined ? "" : `, reflection ${reflection}`}`;

/** The words that an operation replaced. */
const wordsBefore = (origin: Origin, lines: ReadonlyArray<HistoryLine>): string | undefined => {
  const { version, operation, entry: id } = origin;
  const change = lines.find(
    (line) =>
      line.version === version &&
      line.change._tag === "Updated" &&
      line.change.operation === operation &&
      line.change.entry.id === id,
  )?.change;
  return change?._tag === "Updated" && change.before !== change.entry.text
    ? change.before
    : undefined;
};

const originText = (
  origin: Origin,
  lines: ReadonlyArray<HistoryLine>,
  run: string | undefined,
  ink: Ink,
): ReadonlyArray<string> => {
  const found = followed(run, origin);
  const before = wordsBefore(origin, lines);
  return [
    `  ${origin.made} as ${origin.entry} ${causeText(origin)}, operation ${origin.operation} of version ${origin.version}`,
    ...(before === undefined ? [] : [ink("dim", `    before      ${short(before)}`)]),
    ...(found === undefined
      ? []
      : [
          ink("dim", `    task        ${short(found.problem)}`),
          ink("dim", `    answer      ${short(found.answer)}`),
          ink("dim", `    feedback    ${short(found.feedback)}`),
          ink("dim", `    reflection  ${short(found.reflection)}`),
        ]),
  ];
};

const one = (
  entry: Entry,
  credit: ReadonlyArray<Credit>,
  lines: ReadonlyArray<HistoryLine>,
  run: string | undefined,
  ink: Ink,
): string => {
  const origins = entry.origins ?? [];
  return [
    row(entry).trim(),
    `${entry.section}; added at playbook update ${entry.createdAt}, last tagged at ${entry.lastTaggedAt}`,
    "",
    ink("bold", "Where it comes from"),
    ...(origins.length === 0
      ? ["  nobody has written it down"]
      : origins.flatMap((origin) => originText(origin, lines, run, ink))),
    "",
    ink("bold", "Who has credited it"),
    ...(credit.length === 0
      ? [lines.length > 0 ? "  nobody" : "  this place has no history"]
      : credit.map(
          ({ sign, cause, entry: as }) =>
            `  ${sign}${as === entry.id ? "" : ` (as ${as})`} ${causeText(cause)}`,
        )),
  ].join("\n");
};

export const show = Effect.fnUntraced(function* (input: ShowInput) {
  const source = yield* readSource(input.source, Option.getOrUndefined(input.at));
  yield* tellPassedOver(source);
  const { key, state } = yield* choosePlaybook(source, Option.getOrUndefined(input.key));
  const ink = inkFor(process.stdout);
  const lines: ReadonlyArray<HistoryLine> = source.history.get(key) ?? [];
  if (Option.isNone(input.entry)) {
    return yield* Console.log(
      input.json ? JSON.stringify({ key, ...state }) : whole(source.name, key, state.entries, ink),
    );
  }
  const id = input.entry.value;
  const entry = state.entries.find((found) => found.id === id);
  if (entry === undefined) {
    const gone = lines.findLast(
      ({ change }) => change._tag === "Removed" && change.entry.id === id,
    );
    return yield* new PlaybookSourceError({
      message: `Expected an entry, got none with the id ${id}, at ${source.name}${gone?.change._tag === "Removed" ? `; it left as ${gone.change.reason} ${causeText(gone.cause)}` : ""}`,
    });
  }
  const credit = creditOf(lines, id);
  yield* Console.log(
    input.json
      ? JSON.stringify({ key, entry, credit })
      : one(entry, credit, lines, source.run, ink),
  );
});
