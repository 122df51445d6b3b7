/** Progress as text: a block that is drawn again and again on a terminal, or single lines elsewhere. */
import { type Evaluated, type Progress, millisLeft, millisPerUpdate } from "./progress.ts";

/** How text is emphasised; the identity where there are no colours. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly student: (text: string) => string;
  readonly teacher: (text: string) => string;
  readonly warning: (text: string) => string;
}

const ansi = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
export const coloured: Style = {
  bold: ansi(1),
  dim: ansi(2),
  student: ansi(36),
  teacher: ansi(33),
  warning: ansi(33),
};
const plainly = (text: string): string => text;
export const uncoloured: Style = {
  bold: plainly,
  dim: plainly,
  student: plainly,
  teacher: plainly,
  warning: plainly,
};

/** `0:07`, `12:30`, `1:02:03`. */
export const clock = (millis: number): string => {
  const seconds = Math.round(millis / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
    : `${minutes}:${two(seconds % 60)}`;
};

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const rate = (millis: number): string =>
  millis >= 1000 ? `${(millis / 1000).toFixed(1)} s/update` : `${Math.round(millis)} ms/update`;

const bar = (share: number, width: number): string => {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
};

const size = (parameters: unknown): string =>
  typeof parameters !== "number"
    ? ""
    : parameters >= 1e9
      ? `${(parameters / 1e9).toFixed(1)} B parameters`
      : parameters >= 1e5
        ? `${(parameters / 1e6).toFixed(1)} M parameters`
        : `${parameters} parameters`;

const known = (parts: ReadonlyArray<string | undefined>): string =>
  parts.filter((part) => part !== undefined && part !== "").join(" · ");

export const heading = ({ name, seed, facts }: Progress, style: Style): string =>
  known([
    style.bold(`RESD ${name}`),
    `seed ${seed}`,
    facts["environment"] === undefined ? "" : String(facts["environment"]),
    size(facts["parameters"]),
    facts["backend"] === undefined ? "" : String(facts["backend"]),
  ]);

const heldOut = (
  evaluation: Evaluated | undefined,
  first: Evaluated | undefined,
  style: Style,
): string => {
  if (evaluation === undefined) return style.dim("held-out success: not measured yet");
  const teacher =
    evaluation.teacher === undefined
      ? ""
      : `, ${style.teacher(`teacher ${percent(evaluation.teacher.perTask)}`)}`;
  const since =
    first === undefined || first === evaluation
      ? ""
      : style.dim(` (student before: ${percent(first.student.perTask)})`);
  return `held-out success after ${evaluation.update} updates: ${style.student(`student ${percent(evaluation.student.perTask)}`)}${teacher}${since}`;
};

/** The same where a line has no room for a sentence: the numbers that a run is watched for. */
const heldOutShort = (evaluation: Evaluated | undefined, style: Style): string => {
  if (evaluation === undefined) return style.dim("held-out: not measured yet");
  const teacher =
    evaluation.teacher === undefined
      ? ""
      : `, ${style.teacher(`teacher ${percent(evaluation.teacher.perTask)}`)}`;
  return `held-out ${style.student(percent(evaluation.student.perTask))}${teacher}`;
};

const number = (value: number | string | undefined): number | undefined =>
  typeof value === "number" ? value : undefined;

const lately = ({ metrics }: Progress): string => {
  const success = number(metrics["train/success"]);
  const loss = number(metrics["loss"]);
  const entries = number(metrics["playbook/size"]);
  const reflections = number(metrics["reflections"]);
  return known([
    success === undefined ? "" : `attempts solved ${percent(success)}`,
    reflections === undefined ? "" : `${reflections} reflections`,
    loss === undefined ? "" : `loss ${loss.toPrecision(3)}`,
    entries === undefined ? "" : `playbook ${entries} ${entries === 1 ? "entry" : "entries"}`,
  ]);
};

const waiting = ({ phase }: Progress, now: number): string =>
  phase === undefined
    ? ""
    : `${phase.name}: waiting for ${phase.waitingFor}, ${((now - phase.since) / 1000).toFixed(1)} s`;

const advance = (progress: Progress, now: number, width: number): string => {
  const { done, updates } = progress;
  const millis = millisPerUpdate(progress, now);
  const left = millisLeft(progress, now);
  const planned = Number.isFinite(updates) ? `/${updates}` : "";
  return known([
    `update ${done}${planned}${updates > 0 && planned !== "" ? ` ${bar(done / updates, width)}` : ""}`,
    millis === undefined ? "" : rate(millis),
    left === undefined ? `${clock(now - progress.startedAt)} so far` : `${clock(left)} left`,
  ]);
};

/** The lines of the block. Without colours each fits the width; with them, what shows does. */
export const block = (
  progress: Progress,
  now: number,
  columns: number,
  style: Style,
): ReadonlyArray<string> => {
  const { evaluation, first } = progress;
  const hasRoom = heldOut(evaluation, first, uncoloured).length <= columns;
  const plain = (lines: Style) => [
    progress.name === "" ? "" : heading(progress, lines),
    progress.name === "" ? "" : advance(progress, now, Math.min(24, Math.max(4, columns - 60))),
    lines.dim(waiting(progress, now)),
    lately(progress),
    progress.name === ""
      ? ""
      : hasRoom
        ? heldOut(evaluation, first, lines)
        : heldOutShort(evaluation, lines),
  ];
  const bare = plain(uncoloured);
  return plain(style).flatMap((line, i) => {
    const text = bare[i]!;
    if (text === "") return [];
    return [text.length <= columns ? line : `${text.slice(0, Math.max(1, columns - 1))}…`];
  });
};

/** One line on how far the run is. */
export const progressLine = (progress: Progress, now: number): string =>
  known([
    `update ${progress.done}/${progress.updates}`,
    ...[millisPerUpdate(progress, now)].map((millis) => (millis === undefined ? "" : rate(millis))),
    ...[millisLeft(progress, now)].map((left) => (left === undefined ? "" : `${clock(left)} left`)),
    lately(progress),
  ]);

/** One line on an evaluation. */
export const evaluationText = (progress: Progress): string =>
  heldOut(progress.evaluation, progress.first, uncoloured);
