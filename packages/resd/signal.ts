/** Why a sample teaches, or does not: one reason each, counted and logged. */
import type { Objective, SignalReason, TeacherSections } from "@resd/core";
import type { Demonstration } from "./demonstration.ts";

/** Whether the objective reads a teacher at all, and whether a sample without privileged text still counts. */
export const usesTeacher = (objective: Objective): boolean =>
  objective._tag === "Distill" ||
  (objective._tag === "PolicyGradient" && objective.shaping === "rlsd");

/**
 * The reason of one graded sample. A demonstration is named before a reflection, a reflection before feedback; all
 * three teach together when they are there. What counts is what the teacher is shown, after anything was dropped.
 *
 * Gotcha: feedback teaches only a failure. A format may say `pass` of a success, and that alone is no lesson.
 *
 * @param wanted what the teacher was to be shown; @param shown what it is shown, undefined when nothing fits.
 */
export const signalOf = (
  objective: Objective,
  success: boolean,
  demonstration: Demonstration | undefined,
  wanted: TeacherSections,
  shown: TeacherSections | undefined,
): SignalReason => {
  if (objective._tag !== "Distill") return "reward";
  const lesson = (sections: TeacherSections): SignalReason => {
    if (sections.solution !== undefined && demonstration !== undefined) return demonstration.source;
    if (sections.reflection !== undefined) return "reflection";
    if (sections.feedback !== undefined && !success) return "feedback";
    return "none:no-teacher";
  };
  const due = lesson(wanted);
  if (due === "none:no-teacher") return due;
  const reason = shown === undefined ? "none:no-teacher" : lesson(shown);
  return reason === "none:no-teacher" ? "none:overflow" : reason;
};
