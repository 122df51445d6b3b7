/** Why a sample teaches, or does not: one reason each, counted and logged. */
import {
  type Objective,
  type SignalReason,
  type TeacherSections,
  distillOf,
  rewardOf,
} from "@resd/core";
import type { Demonstration } from "./demonstration.ts";

/** Whether the objective reads a teacher at all: to follow it, or to shape advantages by it. */
export const usesTeacher = (objective: Objective): boolean =>
  distillOf(objective) !== undefined || rewardOf(objective)?.shaping === "rlsd";

/** What is known of a graded attempt. */
export interface Judged {
  /** The environment's word. */
  readonly success: boolean;
  /** The run's success rule. */
  readonly solved: boolean;
  readonly demonstration?: Demonstration | undefined;
}

/** What a distillation could learn from of what the teacher is shown. */
const lessonOf = (
  { success, demonstration }: Judged,
  sections: TeacherSections,
): Extract<SignalReason, Demonstration["source"] | "reflection" | "feedback"> | undefined => {
  if (sections.solution !== undefined && demonstration !== undefined) return demonstration.source;
  if (sections.reflection !== undefined) return "reflection";
  return sections.feedback !== undefined && !success ? "feedback" : undefined;
};

/**
 * The reason of one graded sample. A demonstration is named before a reflection, a reflection before feedback; all
 * three teach together when they are there. What counts is what the teacher is shown, after anything was dropped.
 *
 * A mixture has the reward where there is no lesson, and by outcome for every solved sample (SRPO's router).
 *
 * Gotcha: feedback teaches only a failure. A format may say `pass` of a success, and that alone is no lesson.
 *
 * @param wanted what the teacher was to be shown; @param shown what it is shown, undefined when nothing fits.
 */
export const signalOf = (
  objective: Objective,
  judged: Judged,
  wanted: TeacherSections,
  shown: TeacherSections | undefined,
): SignalReason => {
  switch (objective._tag) {
    case "PolicyGradient":
      return "reward";
    case "CrossEntropy":
      return "none:no-solution";
    case "Mixture": {
      if (objective.route._tag === "outcome" && judged.solved) return "reward";
      return (shown === undefined ? undefined : lessonOf(judged, shown)) ?? "reward";
    }
    case "Distill": {
      if (lessonOf(judged, wanted) === undefined) return "none:no-teacher";
      return (shown === undefined ? undefined : lessonOf(judged, shown)) ?? "none:overflow";
    }
  }
};
