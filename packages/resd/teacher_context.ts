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
  type ToolSpec,
} from "@resd/core";
import { Effect } from "effect";
import { dispensableFirst } from "./format/dispensable.ts";

/** Everything that a teacher could be shown. Sections that are absent or empty are left out. */
export interface Teaching {
  /** The conversation before the first action: its first user message is the task. */
  readonly conversation: ReadonlyArray<Message>;
  /** What the episode offers. */
  readonly tools?: ReadonlyArray<ToolSpec>;
  /** In playbook order. */
  readonly playbook: ReadonlyArray<Entry>;
  readonly attempt?: string;
  /** The steps whose feedback is shown; none: no feedback. */
  readonly results: ReadonlyArray<StepResult>;
  readonly reflection?: string;
  readonly solution?: string;
}

/** The part of a teaching that comes from the episode itself. */
export const teachingOpening = (opening: {
  readonly initial: ReadonlyArray<Message>;
  readonly tools?: ReadonlyArray<ToolSpec>;
}): Pick<Teaching, "conversation" | "tools"> => ({
  conversation: opening.initial,
  ...(opening.tools === undefined ? {} : { tools: opening.tools }),
});

/** The sections of an enriched prompt that a budget can leave out. */
export type SectionName = "playbook" | "attempt" | "feedback" | "reflection" | "solution";

/** One thing left out for want of room. */
export type Drop =
  | { readonly section: "playbook"; readonly entry: string }
  | { readonly section: "feedback"; readonly turn: number }
  | { readonly section: "attempt" | "reflection" | "solution" };

/** A thing left out, in a word or two: `playbook misc-00003`, `feedback of turn 1`, `attempt`. */
export const dropName = (drop: Drop): string =>
  "entry" in drop
    ? `playbook ${drop.entry}`
    : "turn" in drop
      ? `feedback of turn ${drop.turn + 1}`
      : drop.section;

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
 * What goes, in order: whole playbook entries in the order given, feedback of earlier turns, the attempt (whose tokens
 * the teacher reads once more right behind its prompt), the last feedback, the reflection, the solution.
 */
const dropOrder = (teaching: Teaching, entries: ReadonlyArray<Entry>): ReadonlyArray<Drop> => {
  const turns = teaching.results.map((_, turn): Drop => ({ section: "feedback", turn }));
  const only = (section: "attempt" | "reflection" | "solution"): ReadonlyArray<Drop> =>
    present(teaching[section]) ? [{ section }] : [];
  return [
    ...entries.map(({ id }): Drop => ({ section: "playbook", entry: id })),
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

/** What the task says, to tell which lessons matter for it. */
const taskText = ({ conversation }: Teaching): string =>
  conversation.flatMap(({ role, content }) => (role === "user" ? [content] : [])).join("\n");

/**
 * The richest prompt of at most `budget` tokens. Entries go by usefulness and relevance to the task (dispensableFirst),
 * which is measured only when not everything fits.
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

  const attempt = Effect.fnUntraced(function* (dropped: ReadonlyArray<Drop>) {
    const sections = sectionsWithout(teaching, dropped, format);
    const prompt = format.teacher(teaching.conversation, sections, teaching.tools);
    return { prompt, ids: yield* policy.encode(prompt), sections, dropped };
  });

  const everything = dropOrder(teaching, teaching.playbook);
  const full = yield* attempt([]);
  const bare = everything.length === 0 ? full : yield* attempt(everything);
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

  const order = dropOrder(teaching, yield* dispensableFirst(teaching.playbook, taskText(teaching)));
  let best = { ...bare, dropped: order };
  let tooFew = 0; // dropping this many does not help
  let enough = order.length; // dropping this many does
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    const candidate = yield* attempt(order.slice(0, middle));
    if (candidate.ids.length <= budget) {
      enough = middle;
      best = candidate;
    } else {
      tooFew = middle;
    }
  }
  return { _tag: "Fits", ...best, sizes };
});
