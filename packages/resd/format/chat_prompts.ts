/** The messages of the chat format: what reflectors, curators and teachers are told, by the wording of the run. */
import type { Entry, Operation, View } from "@resd/core";
import { Result } from "effect";
import { renderPlaybook } from "../playbook/render.ts";
import { SECTIONS } from "../playbook/sections.ts";
import { playbookStats } from "../playbook/stats.ts";
import { CHAT_WORDING } from "./chat_wording.ts";
import { type PromptFile, parsePromptFile, renderPrompt } from "./prompt_file.ts";

/** The wording that comes with the format. */
export const chatPrompts: PromptFile = Result.getOrThrow(parsePromptFile(CHAT_WORDING));

/** What a curator may be asked for. */
export type CuratorOperation = Exclude<Operation["_tag"], "Import">;

const FORMS: Readonly<Record<CuratorOperation, string>> = {
  Add: `{"type": "ADD", "section": "<a section>", "content": "<the lesson>"}`,
  Update: `{"type": "UPDATE", "id": "<id of an entry>", "content": "<the lesson, corrected>"}`,
  Merge: `{"type": "MERGE", "ids": ["<id to keep>", "<id that goes>"], "content": "<one lesson for all>"}`,
  Delete: `{"type": "DELETE", "id": "<id of an entry>"}`,
};

const playbookText = (entries: ReadonlyArray<Entry>): string =>
  entries.length === 0 ? "" : renderPlaybook(entries);

/** For a failed attempt. */
export const reflectorMessage = (
  prompts: PromptFile,
  parts: {
    readonly problem: string;
    readonly attempt: string;
    readonly feedback: string;
    readonly view: View;
  },
): string =>
  renderPrompt(prompts, "reflector", {
    task: parts.problem,
    attempt: parts.attempt,
    feedback: parts.feedback,
    playbook: playbookText(parts.view.entries),
  });

/** For a successful attempt: credit alone, no feedback. */
export const successMessage = (
  prompts: PromptFile,
  parts: { readonly problem: string; readonly attempt: string; readonly view: View },
): string =>
  renderPrompt(prompts, "success", {
    task: parts.problem,
    attempt: parts.attempt,
    playbook: playbookText(parts.view.entries),
  });

/** For the keeper of the playbook. */
export const curatorMessage = (
  prompts: PromptFile,
  parts: {
    readonly problem: string;
    readonly reflection: string;
    readonly view: View;
    readonly operations: ReadonlyArray<CuratorOperation>;
  },
): string => {
  const { entries } = parts.view;
  const allowed = (name: CuratorOperation) => (parts.operations.includes(name) ? name : "");
  return renderPrompt(prompts, "curator", {
    task: parts.problem,
    reflection: parts.reflection,
    playbook: playbookText(entries),
    statistics: JSON.stringify(playbookStats(entries), null, 2),
    sections: SECTIONS.join("; "),
    operations: parts.operations.map((name) => FORMS[name]).join(", "),
    update: allowed("Update"),
    merge: allowed("Merge"),
    delete: allowed("Delete"),
  });
};

/** For the teacher: the task with everything that is known about it. Sections that are empty are left out. */
export const teacherMessage = (
  prompts: PromptFile,
  parts: {
    readonly problem: string;
    readonly playbook: ReadonlyArray<Entry>;
    readonly attempt: string;
    readonly feedback: string;
    readonly reflection: string;
    readonly solution: string;
  },
): string => {
  const { problem, playbook, ...texts } = parts;
  return renderPrompt(prompts, "teacher", {
    ...texts,
    task: problem,
    playbook: playbookText(playbook),
  });
};
