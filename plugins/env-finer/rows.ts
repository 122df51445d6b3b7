/** Rows of the published format: one JSON object a line, with the question as `context` and its tags as `target`. */
import { EnvironmentTaskError } from "@resd/core";
import { Result, Schema } from "effect";

/** One question. */
export const Question = Schema.Struct({
  /** Everything that is asked: the tags to choose from, the sentences, and which numbers are meant. */
  context: Schema.String,
  /** The right tags in the order of the numbers, none of them empty. */
  labels: Schema.NonEmptyArray(Schema.String),
});
export type Question = typeof Question.Type;

/** A question and the line that it stands on, from 1. */
export interface NumberedQuestion {
  readonly line: number;
  readonly question: Question;
}

/** Answers and targets are compared without regard to case, and to white space around a tag. */
export const tagsOf = (text: string): ReadonlyArray<string> =>
  text.split(",").map((tag) => tag.trim());

const MAX_SHOWN = 60;
const MAX_FAULTS = 5;

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

const readRow = (text: string): Question | string => {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return `the whole row: expected a JSON object with "context" and "target", got ${text.slice(0, MAX_SHOWN)}`;
  }
  const { context, target } = value as { readonly context?: unknown; readonly target?: unknown };
  if (typeof context !== "string" || context.trim() === "") {
    return `field context: expected the text of a question, got ${shown(context)}`;
  }
  if (typeof target !== "string") {
    return `field target: expected tags separated by commas, got ${shown(target)}`;
  }
  const [first, ...rest] = tagsOf(target);
  if (first === undefined || [first, ...rest].includes("")) {
    return `field target: expected no empty tag, got ${shown(target)}`;
  }
  return { context, labels: [first, ...rest] };
};

/**
 * Reads a JSONL file's text. Blank lines are skipped, and fields beside the two are ignored. The error names the file and
 * up to five rows with their lines and fields.
 */
export const parseRows = (
  file: string,
  text: string,
): Result.Result<ReadonlyArray<NumberedQuestion>, EnvironmentTaskError> => {
  const questions: Array<NumberedQuestion> = [];
  const faults: Array<string> = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const row = readRow(line);
    if (typeof row === "string") faults.push(`${file}:${index + 1}, ${row}`);
    else questions.push({ line: index + 1, question: row });
  }
  const refuse = (message: string) =>
    Result.fail(new EnvironmentTaskError({ message, taskKey: file }));
  if (faults.length > 0) {
    const more = faults.length - MAX_FAULTS;
    return refuse(
      [
        `Expected rows {"context": …, "target": "tag,tag"}, got ${faults.length} that are none; correct or remove them:`,
        ...faults.slice(0, MAX_FAULTS),
        ...(more > 0 ? [`and ${more} more`] : []),
      ].join("\n"),
    );
  }
  return questions.length === 0
    ? refuse(
        `Expected at least one row, got an empty file, at ${file}; name the file with the data`,
      )
    : Result.succeed(questions);
};
