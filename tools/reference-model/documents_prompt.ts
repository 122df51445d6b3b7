/** Sections in, words of the compact format out: what stands before the words that the model has to write. */
import { type Plan, planText } from "@resd/env-kestrel/language";
import type { Tried, Words } from "./documents_attempts.ts";
import type { Playbook } from "./documents_playbooks.ts";

/** What a prompt may contain. An absent or empty section is left out together with its control token. */
export interface Sections {
  readonly plan: Plan;
  readonly playbook?: Playbook;
  readonly attempt?: Words;
  readonly feedback?: Words;
  readonly reflection?: Words;
  readonly solution?: Words;
}

const section = (control: string, words: Words = []): Words =>
  words.length === 0 ? [] : [control, ...words];
const entryWords = (playbook: Playbook = []): Words =>
  playbook.flatMap((entry) => entry.split(" "));

const situation = ({ plan, playbook }: Sections): Words => [
  "<task>",
  ...planText(plan).split(" "),
  ...section("<pb>", entryWords(playbook)),
];

/** What may stand between a reflection and the program that follows it. */
export const solutionWords = (solution: Words | undefined): Words => section("<sol>", solution);

/** Asks for a program: of a student, if there is nothing but the plan, else of a teacher. */
export const programPrompt = (sections: Sections): Words => [
  ...situation(sections),
  ...section("<try>", sections.attempt),
  ...section("<fb>", sections.feedback),
  ...section("<ref>", sections.reflection),
  ...solutionWords(sections.solution),
  "<prog>",
];

/** Asks for a reflection on an attempt, failed or passed; an attempt of no words is an attempt too. */
export const reflectionPrompt = (sections: Sections & Tried): Words => [
  ...situation(sections),
  "<try>",
  ...sections.attempt,
  "<fb>",
  ...sections.feedback,
  "<ref>",
];

/** Asks what an insight (`double is PEF`; absent for none) changes in a playbook, which may be empty. */
export const curatorPrompt = (playbook: Playbook, insight: string | undefined): Words => [
  "<pb>",
  ...entryWords(playbook),
  "<ref>",
  "insight",
  ...(insight ?? "none").split(" "),
  "<cur>",
];
