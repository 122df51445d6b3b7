/** Prompts as data, and the formats that render them and read replies back. */
import { Context } from "effect";
import type { Attempt } from "./attempt.ts";
import type { Action, Message, StepResult, Stop, ToolSpec } from "./episode.ts";
import type { Entry, Operation, View } from "./playbook.ts";
import type { Reflection, ReplyParse } from "./reflection.ts";

/** A piece of a prompt. Text can never become a control token, whatever it contains. */
export type Segment = { readonly text: string } | { readonly control: string };

/** A whole prompt, in order. */
export type Prompt = ReadonlyArray<Segment>;

/** What the teacher is shown beside the task; an absent or empty section is left out. */
export interface TeacherSections {
  readonly playbook: ReadonlyArray<Entry>;
  /** The student's answer in this update. */
  readonly attempt?: string;
  readonly feedback?: string;
  readonly reflection?: string;
  /** A solution from the buffer, a peer, or the answer itself. */
  readonly solution?: string;
}

/**
 * Sections in, prompt out; reply in, data out. Pure and total: both halves of one format live together, so a
 * prompt and the parser of its reply cannot drift apart.
 */
export interface PromptFormat {
  readonly id: string;
  /** Whether prose can be written in it. Reflectors that write prose are refused with a format that cannot. */
  readonly freeText: boolean;
  /** The text that its prompts are made of, where people may replace it: a run keeps it beside its results. */
  readonly wording?: { readonly id: string; readonly hash: string; readonly text: string };
  /** Whether tools can be offered in it and calls be read back. Episodes with tools are refused with a format that cannot. */
  readonly tools: boolean;
  readonly student: (
    conversation: ReadonlyArray<Message>,
    tools?: ReadonlyArray<ToolSpec>,
  ) => Prompt;
  /** What follows a sampled action: end of turn, results, next header. */
  readonly continuation: (
    conversation: ReadonlyArray<Message>,
    results: ReadonlyArray<Message>,
    tools?: ReadonlyArray<ToolSpec>,
  ) => Prompt;
  /** The first user message enriched with the sections. */
  readonly teacher: (
    conversation: ReadonlyArray<Message>,
    sections: TeacherSections,
    tools?: ReadonlyArray<ToolSpec>,
  ) => Prompt;
  readonly reflector: (attempt: Attempt, view: View) => Prompt;
  /** Credit assignment after a success. */
  readonly success: (attempt: Attempt, view: View) => Prompt;
  readonly curator: (reflection: Reflection, view: View, attempt: Attempt) => Prompt;
  /** The environment chooses which cases, the format how they read. */
  readonly feedback: (results: ReadonlyArray<StepResult>) => string;
  /** Calls are looked for only where tools were offered. */
  readonly parseAction: (reply: string, stop: Stop, tools?: ReadonlyArray<ToolSpec>) => Action;
  readonly parseReflection: (reply: string, view: View, stop: Stop) => Reflection;
  readonly parseOperations: (
    reply: string,
    stop: Stop,
  ) => { readonly operations: ReadonlyArray<Operation>; readonly parse: ReplyParse };
}

/** The prompt format of the run, chosen by data: `auto` reads the model folder. */
export class Format extends Context.Service<Format, PromptFormat>()("@resd/core/Format") {}
