/** All detectors at once. */
import {
  allIsClamped,
  answersAreLost,
  gradientVanishes,
  nobodyIsTaught,
  nothingIsTrained,
  rateIsZero,
  stepsAreSkipped,
  teacherIsStudent,
  weightsStandStill,
} from "./not_learning.ts";
import {
  divergenceBlowsUp,
  entropyCollapses,
  gradientBlowsUp,
  lengthCollapses,
  lengthExplodes,
  samplerDiffers,
} from "./collapsing.ts";
import type { Finding } from "./finding.ts";
import type { RunHistory } from "./history.ts";
import { standsStill, successFalls, teacherFalls } from "./progress.ts";
import { playbookStaysEmpty, reflectionsFail } from "./words.ts";

/** Faults that make an update teach nothing, each alone enough to explain a run that stands still. */
const STOPPING = [
  rateIsZero,
  stepsAreSkipped,
  weightsStandStill,
  nobodyIsTaught,
  nothingIsTrained,
  teacherIsStudent,
  allIsClamped,
  gradientVanishes,
  answersAreLost,
];
const OTHERS = [
  reflectionsFail,
  playbookStaysEmpty,
  entropyCollapses,
  lengthExplodes,
  lengthCollapses,
  divergenceBlowsUp,
  gradientBlowsUp,
  samplerDiffers,
  successFalls,
  teacherFalls,
];

/**
 * What is wrong with a run, by what was measured so far: nothing where all is well, or where too little is known. Pure;
 * a cause is named once, and that held-out results stand still only where nothing else explains it.
 */
export const diagnose = (history: RunHistory): ReadonlyArray<Finding> => {
  const found = [...STOPPING, ...OTHERS].flatMap((detect) => detect(history) ?? []);
  const still = found.length === 0 ? standsStill(history) : undefined;
  return [
    ...new Map(
      [...found, ...(still === undefined ? [] : [still])].map((one) => [one.cause, one]),
    ).values(),
  ];
};
