/**
 * The compact format: the few control tokens and the fixed grammar that the reference model was trained on. It has no
 * free text. Words are separated by single spaces; reflections quote playbook entries by content and never by id.
 */
import {
  type Attempt,
  type Entry,
  type Message,
  type Operation,
  type Prompt,
  type PromptFormat,
  type Reflection,
  type ReplyParse,
  type Segment,
  type StepResult,
  type Stop,
  type Tag,
  isSuccess,
  shownCases,
} from "@resd/core";
import { SECTIONS } from "../playbook/sections.ts";

const wordsOf = (text: string): ReadonlyArray<string> =>
  text.split(/\s+/).filter((word) => word !== "");
const spaced = (text: string): string => wordsOf(text).join(" ");

const control = (name: string): Segment => ({ control: `<${name}>` });
const words = (text: string): Prompt => {
  const line = spaced(text);
  return line === "" ? [] : [{ text: line }];
};
/** A control token and what follows it. */
const part = (name: string, text: string): Prompt => [control(name), ...words(text)];
const optionalPart = (name: string, text: string | undefined): Prompt =>
  text === undefined || spaced(text) === "" ? [] : part(name, text);

const lessons = (entries: ReadonlyArray<Entry>): string =>
  entries.map((entry) => entry.text).join(" ");

/** Messages as turns: `<task>` before what the policy reads, `<prog>` before what it wrote. */
const conversationParts = (
  conversation: ReadonlyArray<Message>,
  sections: Prompt = [],
): ReadonlyArray<Segment> => {
  const out: Array<Segment> = [];
  let heard: Array<string> = [];
  let enriched = false;
  const flush = (): void => {
    if (heard.length === 0) return;
    out.push(...part("task", heard.join(" ")), ...(enriched ? [] : sections));
    heard = [];
    enriched = true;
  };
  for (const message of conversation) {
    if (message.role === "assistant") {
      flush();
      out.push(...part("prog", message.content), control("end"));
    } else {
      heard.push(message.content);
    }
  }
  flush();
  return out;
};

const actionText = (attempt: Attempt): string =>
  attempt.actions.map((action) => action.content).join(" ");

const named = (name: string, value: string | undefined): string =>
  value === undefined ? "" : `${name} ${value}`;

/** What happened in one step: the first case that failed, else the first remark, else `pass`. */
const stepFeedback = (result: StepResult): string => {
  if (isSuccess(result)) return "pass";
  const [failed] = shownCases(result);
  if (failed === undefined) return result.feedback?.parts[0]?.text ?? "";
  return [
    named("test", failed.input),
    named("want", failed.expected),
    named("got", failed.actual),
    failed.debug ?? "",
  ].join(" ");
};
const feedback = (results: ReadonlyArray<StepResult>): string =>
  spaced(results.map(stepFeedback).join(" "));

const reflectorPrompt = (
  attempt: Attempt,
  entries: ReadonlyArray<Entry>,
  report: string,
): Prompt => [
  ...conversationParts(attempt.initial, [
    ...optionalPart("pb", lessons(entries)),
    ...part("try", actionText(attempt)),
    ...part("fb", report),
  ]),
  control("ref"),
];

/** `10:`, `20:` … */
const LABEL = /^\d{1,6}:$/;
const NUMBER = /^\d{1,6}$/;

/** How a sampled reply ended, when not by itself. */
const isCut = (stop: Stop): boolean => stop === "max_tokens" || stop === "aborted";

interface Verdict {
  readonly pairing: string;
  /** Absent: the effect was unclear, so an `ok` proves nothing. */
  readonly sign?: "helpful" | "harmful";
  /** Whether it is a line of a pass, which carries no measurement. */
  readonly bare: boolean;
}

/**
 * One verdict line without its label: `WANT MNEMONIC ok` of a pass, else
 * `WANT MNEMONIC [n] before after did ACTUAL|unclear ok|bad`, for a port without numbers. A known effect is `ok`
 * exactly if it is the wanted one; a line that contradicts itself in this is not a verdict.
 */
const readVerdict = (line: ReadonlyArray<string>): Verdict | undefined => {
  const [want, mnemonic, ...rest] = line;
  if (want === undefined || mnemonic === undefined) return undefined;
  const pairing = `${want} is ${mnemonic}`;
  if (rest.length === 1 && rest[0] === "ok") return { pairing, sign: "helpful", bare: true };
  const [did, actual, verdict] = rest.slice(-3);
  const numbers = rest.slice(0, -3);
  const measured = numbers.length === 2 || numbers.length === 3;
  if (did !== "did" || actual === undefined || (verdict !== "ok" && verdict !== "bad")) {
    return undefined;
  }
  if ((numbers.length > 0 && !measured) || !numbers.every((word) => NUMBER.test(word))) {
    return undefined;
  }
  if (actual === "unclear") {
    if (!measured) return undefined;
    return verdict === "bad" ? { pairing, sign: "harmful", bare: false } : { pairing, bare: false };
  }
  if ((actual === want) !== (verdict === "ok")) return undefined;
  return { pairing, sign: verdict === "ok" ? "helpful" : "harmful", bare: false };
};

/** Splits what stands before the insight into lines that open with a label. */
const verdictLines = (
  list: ReadonlyArray<string>,
): { readonly lines: ReadonlyArray<ReadonlyArray<string>>; readonly stray: boolean } => {
  const lines: Array<Array<string>> = [];
  let stray = false;
  for (const word of list) {
    if (LABEL.test(word)) lines.push([]);
    else if (lines.length === 0) stray = true;
    else lines.at(-1)?.push(word);
  }
  return { lines, stray };
};

/** `OP is MNEMONIC` after the word `insight`; null stands for `none`, undefined for anything else. */
const readInsight = (list: ReadonlyArray<string>): string | null | undefined =>
  list.length === 1 && list[0] === "none"
    ? null
    : list.length === 3 && list[1] === "is"
      ? list.join(" ")
      : undefined;

const parseReflection = (
  reply: string,
  view: { entries: ReadonlyArray<Entry> },
  stop: Stop,
): Reflection => {
  const list = wordsOf(reply);
  const text = list.join(" ");
  const at = list.indexOf("insight");
  const head = at === -1 ? list : list.slice(0, at);
  const insight = at === -1 ? undefined : readInsight(list.slice(at + 1));
  const learned = typeof insight === "string" ? { insight } : {};
  const outcome = (clean: boolean, found: boolean): ReplyParse =>
    isCut(stop)
      ? "truncated"
      : list.length === 0
        ? "empty"
        : clean
          ? "ok"
          : found
            ? "repaired"
            : "malformed";

  if (head[0] === "error") {
    const clean = head.length === 2 && LABEL.test(head[1] ?? "") && insight === null;
    return { text, ...learned, tags: [], parse: outcome(clean, true) };
  }
  const { lines, stray } = verdictLines(head);
  const read = lines.flatMap((line) => readVerdict(line) ?? []);
  // A pass has no measurements at all, so in a mixed reply the bare lines are the wrong ones.
  const mixed = read.some((verdict) => verdict.bare) && !read.every((verdict) => verdict.bare);
  const verdicts = mixed ? read.filter((verdict) => !verdict.bare) : read;
  const tags = verdicts.flatMap(({ pairing, sign }): ReadonlyArray<Tag> =>
    sign === undefined
      ? []
      : view.entries
          .filter((entry) => entry.text === pairing)
          .map((entry) => ({ entry: entry.id, sign })),
  );
  const clean =
    !stray && lines.length > 0 && verdicts.length === lines.length && insight !== undefined;
  const found = verdicts.length > 0 || insight !== undefined;
  return { text, ...learned, tags, parse: outcome(clean, found) };
};

/** Lessons of this format say what a mnemonic does: an insight each. */
const SECTION = SECTIONS[0];

/** The proposal of `OP W1 W2 … none`, `OP W1 … ADD OP is MNEMONIC` or `none`; undefined where it is none of these. */
const readProposal = (list: ReadonlyArray<string>): ReadonlyArray<Operation> | undefined => {
  const [first] = list;
  if (first === undefined) return undefined;
  const at = list.indexOf("ADD");
  if (at === -1) return list.at(-1) === "none" && list.length !== 2 ? [] : undefined;
  const known = list.slice(1, at);
  const [operation, is, mnemonic, ...more] = list.slice(at + 1);
  if (operation !== first || is !== "is" || mnemonic === undefined || more.length > 0) {
    return undefined;
  }
  if (known.length === 0 || known.includes(mnemonic)) return undefined;
  if (known.includes("empty") && known.length > 1) return undefined;
  return [{ _tag: "Add", section: SECTION, text: `${operation} is ${mnemonic}` }];
};

/** The format of the reference model. */
export const compactFormat: PromptFormat = {
  id: "compact",
  freeText: false,
  tools: false,
  student: (conversation) => [...conversationParts(conversation), control("prog")],
  continuation: (_conversation, results) => [
    control("end"),
    ...conversationParts(results),
    control("prog"),
  ],
  teacher: (conversation, sections) => [
    ...conversationParts(conversation, [
      ...optionalPart("pb", lessons(sections.playbook)),
      ...optionalPart("try", sections.attempt),
      ...optionalPart("fb", sections.feedback),
      ...optionalPart("ref", sections.reflection),
      ...optionalPart("sol", sections.solution),
    ]),
    control("prog"),
  ],
  reflector: (attempt, view) => reflectorPrompt(attempt, view.entries, feedback(attempt.results)),
  success: (attempt, view) => reflectorPrompt(attempt, view.entries, "pass"),
  curator: (reflection, view) => [
    ...part("pb", lessons(view.entries)),
    ...part("ref", `insight ${reflection.insight ?? "none"}`),
    control("cur"),
  ],
  feedback,
  parseAction: (reply, stop) => ({ content: spaced(reply), stop }),
  parseReflection,
  parseOperations: (reply, stop) => {
    const list = wordsOf(reply);
    if (isCut(stop)) return { operations: [], parse: "truncated" };
    if (list.length === 0) return { operations: [], parse: "empty" };
    const operations = readProposal(list);
    return operations === undefined
      ? { operations: [], parse: "malformed" }
      : { operations, parse: "ok" };
  },
};
