/** The wording of the chat format: what reflectors, curators and teachers are told. */
import type { Entry, View } from "@resd/core";
import { renderPlaybook } from "../playbook/render.ts";
import { SECTIONS } from "../playbook/sections.ts";
import { playbookStats } from "../playbook/stats.ts";

/** A named section. What it quotes cannot end it: a closing tag of its own name loses its bracket. */
const block = (name: string, text: string): string =>
  `<${name}>\n${text.replaceAll(`</${name}>`, `(/${name})`).trim()}\n</${name}>`;

const playbookBlock = (entries: ReadonlyArray<Entry>): string =>
  block("playbook", entries.length === 0 ? "(no entries yet)" : renderPlaybook(entries));

const attemptBlock = (attempt: string): string =>
  block("attempt", attempt.trim() === "" ? "(the reply ended before any answer)" : attempt);

const paragraphs = (...parts: ReadonlyArray<string>): string => parts.join("\n\n");

const TAGS = `"bullet_tags": [{"id": "<id of an entry>", "tag": "helpful" | "harmful" | "neutral"}]`;
const JSON_ONLY = "Reply with one JSON object of this form and with nothing around it:";

/** For a failed attempt. */
export const reflectorMessage = (parts: {
  readonly problem: string;
  readonly attempt: string;
  readonly feedback: string;
  readonly view: View;
}): string =>
  paragraphs(
    "An attempt at the task below failed. Find out why, so that the next attempt can be right.",
    `You also see what the environment reported and the playbook of lessons learned so far. The report will not be there next time: whatever it teaches has to be put into words now.

1. Locate the error: quote the first place in the attempt that is wrong and say what the report shows about it.
2. Name its root cause, the belief or the step that led there, and not just its symptom.
3. Say precisely what should have been done instead.
4. State the one insight that would have prevented the failure, general enough to serve in other tasks.
5. Judge each playbook entry by its part in this attempt: "helpful" if it was right and was or should have been followed, "harmful" if it is wrong or led the attempt astray, "neutral" if it did not matter.`,
    block("task", parts.problem),
    attemptBlock(parts.attempt),
    block("feedback", parts.feedback.trim() === "" ? "(none was given)" : parts.feedback),
    playbookBlock(parts.view.entries),
    JSON_ONLY,
    `{
  "reasoning": "<how you came to your conclusions>",
  "error_identification": "<what is wrong, and where>",
  "root_cause_analysis": "<why it went wrong>",
  "correct_approach": "<what should have been done>",
  "key_insight": "<the lesson to keep>",
  ${TAGS}
}`,
  );

/** For a successful attempt: credit alone, no feedback. */
export const successMessage = (parts: {
  readonly problem: string;
  readonly attempt: string;
  readonly view: View;
}): string =>
  paragraphs(
    "The attempt at the task below is correct. Decide which entries of the playbook deserve credit for it.",
    `Judge each entry: "helpful" if it is right and contributed, or would have, to this answer; "harmful" if following it could have spoiled the answer although it came out right; "neutral" if it has nothing to do with it. Do not look for faults in the attempt.`,
    block("task", parts.problem),
    attemptBlock(parts.attempt),
    playbookBlock(parts.view.entries),
    JSON_ONLY,
    `{
  "reasoning": "<why each entry is judged as it is>",
  ${TAGS}
}`,
  );

/** For the keeper of the playbook. */
export const curatorMessage = (parts: {
  readonly problem: string;
  readonly reflection: string;
  readonly view: View;
}): string =>
  paragraphs(
    "You keep a playbook of lessons for tasks like the one below. Decide what, if anything, a new reflection adds to it.",
    `Those who use the playbook will see a task and these lessons, and no feedback on what they do. Therefore:

- Add only what is missing. If an entry already says it, add nothing; an empty list is a good answer.
- Prefer one exact lesson to several vague ones: name the case it holds for and what to do.
- Write lessons that serve other tasks too; leave out what concerns this task alone.
- Give each lesson the section that it belongs to: ${SECTIONS.join("; ")}.
- Write its text without an id and without counts; both are supplied.`,
    block("playbook_statistics", JSON.stringify(playbookStats(parts.view.entries), null, 2)),
    block(
      "reflection",
      parts.reflection.trim() === "" ? "(the reflection is empty)" : parts.reflection,
    ),
    playbookBlock(parts.view.entries),
    block("task", parts.problem),
    `${JSON_ONLY} no Markdown, no fence.`,
    `{
  "reasoning": "<what the reflection teaches, and what of it is missing>",
  "operations": [{"type": "ADD", "section": "<a section>", "content": "<the lesson>"}]
}`,
  );

/** For the teacher: the task with everything that is known about it. Sections that are empty are left out. */
export const teacherMessage = (parts: {
  readonly problem: string;
  readonly playbook: ReadonlyArray<Entry>;
  readonly attempt: string;
  readonly feedback: string;
  readonly reflection: string;
  readonly solution: string;
}): string => {
  const { problem, playbook, attempt, feedback, reflection, solution } = parts;
  const shown = [
    {
      section: playbook.length === 0 ? "" : playbookBlock(playbook),
      advice:
        "Go through the playbook first: apply the lessons that fit and avoid the mistakes it lists.",
    },
    {
      section: attempt === "" ? "" : block("previous_attempt", attempt),
      advice: "Read your previous attempt critically; keep what is right in it and nothing else.",
    },
    {
      section: feedback === "" ? "" : block("feedback", feedback),
      advice: "Account for everything that the environment reported about that attempt.",
    },
    {
      section: reflection === "" ? "" : block("reflection", reflection),
      advice: "Follow the reflection where it says what went wrong and how to do it right.",
    },
    {
      section: solution === "" ? "" : block("correct_solution", solution),
      advice:
        "A correct solution is given: understand why it works, then give an answer that works for the same reasons.",
    },
  ].filter(({ section }) => section !== "");
  return paragraphs(
    "You are an expert at tasks of this kind. Solve the task below with the help of what has been learned about it.",
    [
      ...shown.map(({ advice }) => advice),
      "Reason step by step and check the answer before you give it.",
    ]
      .map((advice) => `- ${advice}`)
      .join("\n"),
    block("task", problem),
    ...shown.map(({ section }) => section),
    "Now answer the task, in exactly the form that it asks for.",
  );
};
