/**
 * The teacher's enriched prompt under a token budget. Sections have names, and a plan says which
 * of them go first when there is too much: the task is never cut, and nothing is ever cut in the middle.
 */
import {
  type Entry,
  Format,
  type Ids,
  type Message,
  Policy,
  type PolicyError,
  type Prompt,
  type PromptFormat,
  type StepResult,
  type TeacherSections,
} from "@resd/core";
import { Effect } from "effect";
import { leastUsefulFirst } from "./format/fit_prompt.ts";

/** Everything that a teacher could be shown. Sections that are absent or empty are left out. */
export interface Teaching {
  /** The conversation before the first action: its first user message is the task. */
  readonly conversation: ReadonlyArray<Message>;
  /** In playbook order. */
  readonly playbook: ReadonlyArray<Entry>;
  readonly attempt?: string;
  /** The steps whose feedback is shown; none: no feedback. */
  readonly results: ReadonlyArray<StepResult>;
  readonly reflection?: string;
  readonly solution?: string;
}

/** The sections of an enriched prompt that a budget can leave out. */
export type SectionName = "playbook" | "attempt" | "feedback" | "reflection" | "solution";

/** One thing left out for want of room. */
export type Drop =
  | { readonly section: "playbook"; readonly entry: string }
  | { readonly section: "feedback"; readonly turn: number }
  | { readonly section: "attempt" | "reflection" | "solution" };

/** Tokens of the task and of each section's own text, before anything was dropped. */
export type SectionSizes = Readonly<Record<"task" | SectionName, number>>;

/** An enriched prompt with what fitted of its sections, or why there is none. */
export type TeacherContext =
  | {
      readonly _tag: "Fits";
      readonly prompt: Prompt;
      readonly ids: Ids;
      /** What is shown. */
      readonly sections: TeacherSections;
      readonly sizes: SectionSizes;
      /** In the order in which things were given up. */
      readonly dropped: ReadonlyArray<Drop>;
    }
  | {
      /** Not even the task alone has room. */
      readonly _tag: "Overflow";
      readonly sizes: SectionSizes;
      readonly budget: number;
    };

const present = (text: string | undefined): text is string => text !== undefined && text !== "";

/**
 * What goes, in order: whole playbook entries, feedback of earlier turns, the attempt (whose tokens the teacher reads
 * once more right behind its prompt), the last feedback, the reflection, the solution.
 */
const dropOrder = (teaching: Teaching): ReadonlyArray<Drop> => {
  const turns = teaching.results.map((_, turn): Drop => ({ section: "feedback", turn }));
  const only = (section: "attempt" | "reflection" | "solution"): ReadonlyArray<Drop> =>
    present(teaching[section]) ? [{ section }] : [];
  return [
    ...leastUsefulFirst(teaching.playbook).map(({ id }): Drop => ({
      section: "playbook",
      entry: id,
    })),
    ...turns.slice(0, -1),
    ...only("attempt"),
    ...turns.slice(-1),
    ...only("reflection"),
    ...only("solution"),
  ];
};

/** A step that says nothing: its turn keeps its number in the feedback of the others. */
const silent = (result: StepResult): StepResult => ({
  observation: [],
  status: result.status,
  reward: 0,
  parse: result.parse,
});

const sectionsWithout = (
  teaching: Teaching,
  dropped: ReadonlyArray<Drop>,
  format: PromptFormat,
): TeacherSections => {
  const gone = new Set(dropped.map((drop) => drop.section));
  const entries = new Set(dropped.flatMap((drop) => ("entry" in drop ? [drop.entry] : [])));
  const turns = new Set(dropped.flatMap((drop) => ("turn" in drop ? [drop.turn] : [])));
  const feedback =
    turns.size === teaching.results.length
      ? ""
      : format.feedback(
          teaching.results.map((result, turn) => (turns.has(turn) ? silent(result) : result)),
        );
  const { attempt, reflection, solution } = teaching;
  return {
    playbook: teaching.playbook.filter((entry) => !entries.has(entry.id)),
    ...(present(attempt) && !gone.has("attempt") ? { attempt } : {}),
    ...(present(feedback) ? { feedback } : {}),
    ...(present(reflection) && !gone.has("reflection") ? { reflection } : {}),
    ...(present(solution) && !gone.has("solution") ? { solution } : {}),
  };
};

/** What a teacher with room for everything would be shown. */
export const wantedSections = (teaching: Teaching, format: PromptFormat): TeacherSections =>
  sectionsWithout(teaching, [], format);

/**
 * The richest prompt of at most `budget` tokens.
 *
 * The number of things to drop is found by bisection, so a playbook of 200 entries costs eight encodings and not 200.
 */
export const planTeacherContext = Effect.fnUntraced(function* (
  teaching: Teaching,
  budget: number,
): Effect.fn.Return<TeacherContext, PolicyError, Policy | Format> {
  const policy = yield* Policy;
  const format = yield* Format;
  const lengthOf = (text: string | undefined) =>
    present(text) ? Effect.map(policy.encode([{ text }]), (ids) => ids.length) : Effect.succeed(0);

  const order = dropOrder(teaching);
  const attempt = Effect.fnUntraced(function* (count: number) {
    const dropped = order.slice(0, count);
    const sections = sectionsWithout(teaching, dropped, format);
    const prompt = format.teacher(teaching.conversation, sections);
    return { prompt, ids: yield* policy.encode(prompt), sections, dropped };
  });

  const full = yield* attempt(0);
  const bare = order.length === 0 ? full : yield* attempt(order.length);
  const sizes: SectionSizes = {
    task: bare.ids.length,
    playbook: yield* lengthOf(full.sections.playbook.map((entry) => entry.text).join("\n")),
    attempt: yield* lengthOf(full.sections.attempt),
    feedback: yield* lengthOf(full.sections.feedback),
    reflection: yield* lengthOf(full.sections.reflection),
    solution: yield* lengthOf(full.sections.solution),
  };
  if (full.ids.length <= budget) return { _tag: "Fits", ...full, sizes };
  if (bare.ids.length > budget) return { _tag: "Overflow", sizes, budget };

  let best = bare;
  let tooFew = 0; // dropping this many does not help
  let enough = order.length; // dropping this many does
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    const candidate = yield* attempt(middle);
    if (candidate.ids.length <= budget) {
      enough = middle;
      best = candidate;
    } else {
      tooFew = middle;
    }
  }
  return { _tag: "Fits", ...best, sizes };
});
