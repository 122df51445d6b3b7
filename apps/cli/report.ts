/** What a run came to, for a person. */
import type { Evaluation } from "@resd/core";
import { type RunSummary, runName } from "@resd/run";
import { abilitiesText } from "./eval_report.ts";
import type { Examples, ShownAttempt } from "./examples.ts";
import type { Ink } from "./ink.ts";
import { quoted } from "./quoted.ts";
import { type Series, plotShares } from "./plot.ts";

const percent = (share: number | undefined): string =>
  (share === undefined ? "–" : `${(100 * share).toFixed(1)} %`).padStart(9);

const seconds = (value: number): string =>
  value >= 100 ? `${Math.round(value)} s` : `${value.toFixed(1)} s`;

/** ` ± 2.1`: the standard error over tasks, in points. */
const errorText = (evaluation: Evaluation | undefined, ink: Ink): string =>
  evaluation === undefined || evaluation.perTaskStderr === 0
    ? ""
    : ink("dim", ` ± ${(100 * evaluation.perTaskStderr).toFixed(1)} (standard error over tasks)`);

/** Columns of the table with its names written out. */
const TABLE_WIDTH = 54;

const table = (
  { heldOut, teacher, best }: RunSummary,
  columns: number,
  ink: Ink,
): ReadonlyArray<string> => {
  const wide = columns >= TABLE_WIDTH;
  const name = (long: string, short: string) => `  ${wide ? long.padEnd(34) : short.padEnd(16)}`;
  const error = (of: Evaluation | undefined) => (wide ? errorText(of, ink) : "");
  return [
    ink("dim", `${name("", "")}   before    after`),
    `${name("student, bare prompt", "student")}${percent(heldOut.before?.perTask)}${ink("bold", percent(heldOut.after?.perTask))}${error(heldOut.after)}`,
    ...(best === undefined
      ? []
      : [
          `${name(`best kept, of update ${best.update}`, `best, at ${best.update}`)}${"".padStart(9)}${percent(best.heldOut.perTask)}${error(best.heldOut)}`,
        ]),
    ...(teacher === undefined
      ? []
      : [
          `${name("teacher, with the playbook", "teacher")}${percent(teacher.before?.perTask)}${percent(teacher.after?.perTask)}`,
        ]),
    `${name("student, passed share of the tests", "student, tests")}${percent(heldOut.before?.perTest)}${percent(heldOut.after?.perTest)}`,
  ];
};

const plot = ({ curve }: RunSummary, columns: number, ink: Ink): ReadonlyArray<string> => {
  const teacher = curve.flatMap((point): Series["points"] =>
    point.teacher === undefined ? [] : [[point.update, point.teacher.perTask]],
  );
  const series: ReadonlyArray<Series> = [
    { name: "student", mark: "●", points: curve.map((_) => [_.update, _.student.perTask]) },
    ...(teacher.length === 0 ? [] : [{ name: "teacher", mark: "○", points: teacher }]),
  ];
  const lines = plotShares(series, { width: Math.min(60, Math.max(20, columns - 12)), height: 11 });
  const legend = series.map(({ name, mark }) => `${mark} ${name}`).join("   ");
  return [
    ...lines.map(
      (line) => `  ${line.replaceAll("●", ink("cyan", "●")).replaceAll("○", ink("yellow", "○"))}`,
    ),
    ink("dim", `         updates   ${legend}`),
  ];
};

const MOST_ENTRIES = 8;

const playbook = ({ playbook: { entries, size, added, removed } }: RunSummary, ink: Ink) => {
  const gone = Object.entries(removed).map(([reason, count]) => `${count} ${reason}`);
  const best = entries.toSorted((a, b) => b.helpful - b.harmful - (a.helpful - a.harmful));
  return [
    `${ink("bold", "Playbook")} ${size} entries (${added} added${gone.length === 0 ? "" : `, gone: ${gone.join(", ")}`})`,
    ...best
      .slice(0, MOST_ENTRIES)
      .map(({ text, helpful, harmful }) => `  ${`+${helpful} −${harmful}`.padEnd(10)}${text}`),
    ...(best.length > MOST_ENTRIES ? [ink("dim", `  … ${best.length - MOST_ENTRIES} more`)] : []),
  ];
};

const attempt = (title: string, shown: ShownAttempt | undefined, ink: Ink): ReadonlyArray<string> =>
  shown === undefined
    ? []
    : [
        `${ink("bold", title)} ${ink("dim", `(update ${shown.update})`)}`,
        `  task        ${shown.problem}`,
        `  answer      ${shown.actions.map(({ content }) => content).join(" ")}`,
        ...(shown.success
          ? [`  ${ink("green", "solved")}`]
          : [
              `  feedback    ${shown.feedback}`,
              ...(shown.reflection === undefined ? [] : [`  reflection  ${shown.reflection.text}`]),
            ]),
      ];

const KINDS = {
  "nothing-learned": "Nothing was learned, it seems",
  collapsing: "The policy got worse, it seems",
} as const;

const diagnoses = ({ diagnoses: found }: RunSummary, ink: Ink): ReadonlyArray<string> =>
  found.map(({ kind, cause, update, message, resolved }) =>
    resolved === undefined
      ? `${ink("red", KINDS[kind])} ${ink("dim", `(${cause}, update ${update})`)}\n  ${message}`
      : ink("dim", `${cause} at update ${update}, gone at update ${resolved}`),
  );

const phases = ({ phases: spent, wallSeconds }: RunSummary): string =>
  `${seconds(wallSeconds)}: ${Object.entries(spent)
    .toSorted(([, a], [, b]) => b - a)
    .map(([phase, value]) => `${phase} ${seconds(value)}`)
    .join(", ")}`;

/** What a command line says of a run, without what is another run's to say: its seed and its folder. */
const ofAnyRun = (args: ReadonlyArray<string>): ReadonlyArray<string> =>
  args.filter((arg, i) => {
    const owner = /^--(seed|run-dir|runDir)(=|$)/;
    const before = args[i - 1] ?? "";
    return !owner.test(arg) && !(owner.test(before) && !before.includes("="));
  });

const next = ({ folder, seed }: RunSummary, args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const again = ofAnyRun(args);
  const commands: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
    [["eval", folder], "measure the trained model, with and without its playbook"],
    [["show", folder, "--failed"], "look at the attempts that failed, or at one of them"],
    [["sample", folder], "read what it is shown and what it answers"],
    ...(args.some((arg) => arg.startsWith("--resume"))
      ? []
      : ([[[...again, "--seed", `${seed + 1}`], "the same on other tasks and draws"]] as const)),
    ...(args.length > 0
      ? []
      : ([[["--resd.reflect=false", "--resd.playbook=none"], "the same without words"]] as const)),
  ];
  const lines = commands.map(([words, what]) => [
    `npm start -- ${words.map(quoted).join(" ")}`,
    what,
  ]);
  const width = Math.min(60, Math.max(...lines.map(([command]) => command!.length)));
  return lines.map(([command, what]) => `  ${command!.padEnd(width)}  ${what}`);
};

/** The report of a run that has ended well. */
export const report = (
  summary: RunSummary,
  examples: Examples,
  {
    columns,
    ink,
    args = [],
  }: {
    readonly columns: number;
    readonly ink: Ink;
    /** The command line that the run was started with. */
    readonly args?: ReadonlyArray<string>;
  },
): string => {
  const first = summary.curve[0]?.student;
  const { abilities } = summary;
  const sections: ReadonlyArray<ReadonlyArray<string>> = [
    [
      `${ink("bold", `RESD ${runName(summary)}, seed ${summary.seed}`)}: ${summary.updates} updates${summary.endedBy === "patience" ? " (none better for a while: evaluation.patience)" : ""}, ${summary.interactions} interactions with ${summary.environment}`,
    ],
    [
      `${ink("bold", "Success on held-out tasks")}${first === undefined ? "" : ` (${first.tasks} tasks, ${first.k} samples each)`}`,
      ...table(summary, columns, ink),
    ],
    plot(summary, columns, ink),
    diagnoses(summary, ink),
    abilities === undefined ? [] : abilitiesText(abilities, ink),
    playbook(summary, ink),
    attempt("One of the first attempts", examples.before, ink),
    attempt("One of the last attempts", examples.after, ink),
    [`${ink("bold", "Time")} ${phases(summary)}`],
    [
      `${ink("bold", "Files")} ${summary.folder}`,
      "  summary.json  metrics.jsonl  rollouts/  playbook/  model/ (Hugging Face format)",
    ],
    [ink("bold", "Next"), ...next(summary, args)],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
};
