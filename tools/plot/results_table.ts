/** Runs as the tables of docs/results.md. */
import { medianOf } from "@resd/compare";
import { conventionOf, pairingsOf } from "@resd/env-kestrel/language";
import type { RunSummary } from "@resd/run";

const percent = (share: number | undefined): string =>
  share === undefined ? "–" : (share * 100).toFixed(1);

/** Entries that are true of the chip of the run's seed, and all of them. Undefined for other environments. */
export const truthOf = ({
  environment,
  seed,
  playbook,
}: RunSummary): readonly [truths: number, all: number] | undefined => {
  if (environment !== "kestrel") return undefined;
  const truths = new Set(pairingsOf(conventionOf(seed)));
  return [playbook.entries.filter(({ text }) => truths.has(text)).length, playbook.entries.length];
};

/**
 * By how much the teacher led the student while it mattered: the smallest lead of all evaluations between a quarter and
 * half of the updates. Undefined where none of them measured a teacher.
 */
export const leadOf = ({ curve, updates }: RunSummary): number | undefined => {
  const leads = curve.flatMap(({ update, student, teacher }) =>
    teacher === undefined || update < updates / 4 || update > updates / 2
      ? []
      : [teacher.perTask - student.perTask],
  );
  return leads.length === 0 ? undefined : Math.min(...leads);
};

const medianPercent = (values: ReadonlyArray<number | undefined>): string => {
  const known = values.filter((value) => value !== undefined);
  return percent(known.length === 0 ? undefined : medianOf(known));
};

const byReason = (removed: RunSummary["playbook"]["removed"]): string => {
  const reasons = Object.entries(removed).map(([reason, count]) => `${count} ${reason}`);
  return reasons.length === 0 ? "none" : reasons.join(", ");
};

const truthText = (run: RunSummary): string => {
  const truth = truthOf(run);
  return truth === undefined ? `${run.playbook.size}` : `${truth[0]} of ${truth[1]}`;
};

const first = (run: RunSummary) => run.curve[0];
const last = (run: RunSummary) => run.curve.at(-1);

/** One run a row, percentages with one decimal, medians last. */
const runsTable = (runs: ReadonlyArray<RunSummary>): ReadonlyArray<string> => {
  const median = (read: (run: RunSummary) => number | undefined) => medianPercent(runs.map(read));
  const row = (cells: ReadonlyArray<string | number>) => `| ${cells.join(" | ")} |`;
  return [
    "| seed | before | after | best@4 after | teacher after | teacher's lead | interactions | playbook: true of all | left, by reason | seconds |",
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |",
    ...runs.map((run) =>
      row([
        run.seed,
        percent(first(run)?.student.perTask),
        percent(last(run)?.student.perTask),
        percent(last(run)?.student.bestOfK),
        percent(last(run)?.teacher?.perTask),
        percent(leadOf(run)),
        run.interactions,
        truthText(run),
        byReason(run.playbook.removed),
        run.wallSeconds.toFixed(0),
      ]),
    ),
    row([
      "median",
      median((run) => first(run)?.student.perTask),
      median((run) => last(run)?.student.perTask),
      median((run) => last(run)?.student.bestOfK),
      median((run) => last(run)?.teacher?.perTask),
      median(leadOf),
      medianOf(runs.map((run) => run.interactions)),
      "",
      "",
      medianOf(runs.map((run) => run.wallSeconds)).toFixed(0),
    ]),
  ];
};

/** Medians of the seconds that each phase took, the longest first. */
const phasesTable = (runs: ReadonlyArray<RunSummary>): ReadonlyArray<string> => {
  const names = [...new Set(runs.flatMap(({ phases }) => Object.keys(phases)))];
  const rows = names
    .map((name) => ({ name, seconds: medianOf(runs.map(({ phases }) => phases[name] ?? 0)) }))
    .toSorted((a, b) => b.seconds - a.seconds);
  return [
    "| phase | seconds, median |",
    "| --- | ---: |",
    ...rows.map(({ name, seconds }) => `| ${name} | ${seconds.toFixed(1)} |`),
  ];
};

/** Both tables as Markdown. */
export const resultsTable = (runs: ReadonlyArray<RunSummary>): string =>
  [...runsTable(runs), "", ...phasesTable(runs)].join("\n");
