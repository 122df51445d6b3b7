/** The attempts of a run as a table for a terminal. */
import { type EpisodeOutline, outcomeOf } from "@resd/run";
import type { Ink } from "./ink.ts";
import { lastOf } from "./wrapped.ts";

/** Columns from which on a table also says what taught. */
const SIGNAL_WIDTH = 76;
const LEAST_ID = 8;

/** As many letters as tell the ids apart. */
const idLength = (ids: ReadonlyArray<string>): number => {
  const sorted = ids.toSorted();
  let length = LEAST_ID;
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1]!, sorted[i]!];
    while (length < Math.min(a.length, b.length) && a.slice(0, length) === b.slice(0, length))
      length++;
  }
  return length;
};

/** A reward with as many digits as it is worth. */
export const rewardText = (reward: number): string => String(Math.round(reward * 1000) / 1000);

/** What is shown of a list, and how much there is besides. */
export interface EpisodeList {
  readonly shown: ReadonlyArray<EpisodeOutline>;
  /** So many came before those that are shown. */
  readonly before: number;
}

/** Several samples of a task in an update are numbered. */
const taskOf = ({ taskKey, sample }: EpisodeOutline): string =>
  sample === 0 ? taskKey : `${taskKey} #${sample + 1}`;

export const episodeTable = (
  { shown, before }: EpisodeList,
  { columns, ink }: { readonly columns: number; readonly ink: Ink },
): string => {
  const length = idLength(shown.map(({ id }) => id));
  const withSignal = columns >= SIGNAL_WIDTH;
  const rows = shown.map((one) => ({
    one,
    cells: [
      one.id.slice(0, length),
      String(one.update),
      taskOf(one),
      rewardText(one.reward),
      String(one.tokens),
      outcomeOf(one),
      ...(withSignal ? [one.signal] : []),
    ],
  }));
  const names = [
    "id",
    "update",
    "task",
    "reward",
    "tokens",
    "what happened",
    ...(withSignal ? ["signal"] : []),
  ];
  const TASK = 2;
  const widths = names.map((name, at) =>
    Math.max(name.length, ...rows.map(({ cells }) => cells[at]!.length)),
  );
  const others = widths.reduce((sum, width, at) => sum + 2 + (at === TASK ? 0 : width), 0);
  widths[TASK] = Math.max(6, Math.min(widths[TASK]!, columns - 2 - others));
  const RIGHT = new Set([1, 3, 4]);
  const line = (cells: ReadonlyArray<string>): string =>
    cells
      .map((cell, at) => {
        const text = at === TASK ? lastOf(cell, widths[at]!) : cell;
        return RIGHT.has(at) ? text.padStart(widths[at]!) : text.padEnd(widths[at]!);
      })
      .join("  ")
      .trimEnd();
  return [
    ink("dim", line(names)),
    ...(before === 0
      ? []
      : [ink("dim", `… ${before} before these; --last ${before + shown.length} shows all`)]),
    ...rows.map(({ one, cells }) => (one.success ? ink("green", line(cells)) : line(cells))),
  ].join("\n");
};
