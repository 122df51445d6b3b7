/** What evaluations came to, for a person: numbers with their 95 % intervals. */
import { type AbilityChange, type Estimate, type Measure, RANKED } from "@resd/resd";
import type { Abilities, Estimates, Measurement } from "@resd/run";
import type { Ink } from "./ink.ts";

const LABEL = 28;
const CELL = 18;

/** A share in percent, without its sign. */
const percent = (share: number): string => (100 * share).toFixed(1);

const whole = (share: number): string => (100 * share).toFixed(0);

/** `88.3 [83, 92]`. */
const shareText = ({ value, low, high }: Estimate): string =>
  `${percent(value)} [${whole(low)}, ${whole(high)}]`;

/** `+3.1 [-1, +7]`. */
const changeText = ({ value, low, high }: Estimate): string => {
  const signed = (text: string) => (text.startsWith("-") ? text : `+${text}`);
  return `${signed(percent(value))} [${signed(whole(low))}, ${signed(whole(high))}]`;
};

const row = (label: string, cells: ReadonlyArray<string>): string =>
  `  ${label.padEnd(LABEL)}${cells.map((cell) => cell.padStart(CELL)).join("")}`;

/** The columns of a table of evaluations. */
const columns = (k: number): Readonly<Record<Measure, string>> => ({
  perTask: "success %",
  bestOfK: `best of ${k}`,
  perTest: "tests %",
  bestPerTest: `best of ${k}`,
});

const header = (k: number, ink: Ink): string =>
  ink(
    "dim",
    row(
      "",
      RANKED.map((measure) => columns(k)[measure]),
    ),
  );

const estimatesRow = (label: string, estimates: Estimates): string =>
  row(
    label,
    RANKED.map((measure) => shareText(estimates[measure])),
  );

const VERDICTS = { worse: "worse", unclear: "no clear change", better: "better" } as const;

/** `worse: 47 lost, 1 gained`, or `worse: +0.0074 nats a token`. */
const abilityChangeText = (change: AbilityChange | undefined, ink: Ink): string => {
  if (change === undefined) return "";
  const { verdict, lost, gained } = change;
  const by =
    lost === undefined
      ? `${change.change < 0 ? "" : "+"}${change.change.toPrecision(2)} nats a token`
      : `${lost} lost, ${gained} gained`;
  const said = `${VERDICTS[verdict]}: ${by}`;
  return verdict === "worse" ? ink("red", said) : said;
};

/** Abilities besides the tasks, before and after. */
export const abilitiesText = (
  { before, after = {}, changes, missing }: Partial<Abilities>,
  ink: Ink,
): ReadonlyArray<string> => {
  const value = (score: (typeof after)[string] | undefined): string =>
    score === undefined
      ? "–"
      : score.measure === "accuracy"
        ? `${percent(score.value)} %`
        : score.value.toPrecision(4);
  return [
    ink("bold", "Abilities besides the tasks") +
      ink("dim", " (replies that are right, or perplexity; the same probes before and after)"),
    ink("dim", `  ${"".padEnd(LABEL)}${"before".padStart(10)}${"after".padStart(10)}   change`),
    ...Object.entries(after).map(
      ([name, score]) =>
        `  ${name.padEnd(LABEL)}${value(before?.[name]).padStart(10)}${value(score).padStart(10)}   ${abilityChangeText(changes?.[name], ink)}`,
    ),
    ...(missing === undefined ? [] : [`  Before is not known: ${missing}`]),
  ];
};

/** A run measured again. `recorded` is what the run itself had measured at the same place. */
export const measuredText = (
  measured: Measurement,
  recorded: Estimates | undefined,
  ink: Ink,
): string => {
  const { bare, estimates, playbookEntries, split, model, abilities } = measured;
  const { withPlaybook, playbookEffect } = estimates;
  return [
    `${ink("bold", model)}, ${split}: ${bare.tasks} tasks, ${bare.k} samples each, ${bare.meanTokens.toFixed(1)} tokens an answer`,
    "",
    header(bare.k, ink),
    ...(recorded === undefined ? [] : [estimatesRow("as the run measured it", recorded)]),
    estimatesRow("trained, bare prompt", estimates.bare),
    ...(withPlaybook === undefined
      ? ["  the playbook is empty: nothing to show in context"]
      : [estimatesRow(`with its playbook (${playbookEntries})`, withPlaybook)]),
    ...(playbookEffect === undefined
      ? []
      : [
          row(
            "the playbook's effect",
            RANKED.map((measure) => changeText(playbookEffect[measure])),
          ),
        ]),
    ...(abilities === undefined ? [] : ["", ...abilitiesText(abilities, ink)]),
    "",
    `Files ${measured.files.join("  ")}`,
  ].join("\n");
};

/** One evaluation of a run, from its scores. */
export interface RecordedPoint {
  readonly update: number;
  readonly interactions: number;
  readonly estimates: Estimates;
  /** Sum of ranks over the four measures; the smallest is the best. */
  readonly rankSum: number;
}

/** All evaluations of a run, from what its folder holds. */
export interface Recorded {
  readonly run: string;
  readonly split: string;
  readonly tasks: number;
  readonly k: number;
  readonly curve: ReadonlyArray<RecordedPoint>;
  /** The update that the rank sum picks. */
  readonly picked: number;
  /** Success at the pick, on tasks that did not pick it. */
  readonly crossFit?: number;
  /** The update whose policy was kept (evaluation.keepBest), and what chose it. */
  readonly kept?: { readonly update: number; readonly split: string };
}

/** The evaluations of a run as a table, with the one that would be reported. */
export const recordedText = (recorded: Recorded, ink: Ink): string => {
  const { run, split, tasks, k, curve, picked, crossFit, kept } = recorded;
  const at = curve.find(({ update }) => update === picked);
  const marks = ({ update }: RecordedPoint) => [
    ...(update === picked ? ["picked"] : []),
    ...(update === kept?.update ? ["kept"] : []),
  ];
  return [
    `${ink("bold", run)}, ${split}: ${tasks} tasks, ${k} samples each, student from bare prompts`,
    "",
    `${header(k, ink)}${ink("dim", "rank sum".padStart(10))}`,
    ...curve.map(
      (point) =>
        `${estimatesRow(`update ${point.update}, ${point.interactions} episodes`, point.estimates)}${point.rankSum.toFixed(1).padStart(10)}  ${marks(point).join(", ")}`,
    ),
    "",
    `Picked by rank sum: update ${picked}, success ${at === undefined ? "–" : percent(at.estimates.perTask.value)} % on the tasks that picked it${crossFit === undefined ? "" : `, ${percent(crossFit)} % on tasks that did not (halves, both ways)`}.`,
    ...(kept === undefined
      ? []
      : [
          `Kept: update ${kept.update}, chosen by split ${kept.split} (npm start -- eval ${run} --best).`,
        ]),
  ].join("\n");
};
