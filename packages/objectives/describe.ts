/** An objective in one line, for the headers of runs. */
import type { Distill, Objective, TeacherRule } from "@resd/core";

const divergence = ({ alpha, support }: Distill): string => {
  if (support._tag === "sampled-token") return "sampled-token reverse KL";
  if (alpha === 0) return "forward KL";
  if (alpha === 1) return "reverse KL";
  return alpha === 0.5 ? "Jensen–Shannon divergence" : `generalized JSD (alpha ${alpha})`;
};

const buckets = ({ support }: Distill): string => {
  switch (support._tag) {
    case "full":
      return " over the whole vocabulary";
    case "top-k":
      return support.rest === "tail"
        ? ` over the student's top ${support.k} and a tail bucket`
        : ` over the student's top ${support.k}, renormalised`;
    case "sampled-token":
      return "";
  }
};

const clamps = ({ ratioMin, ratioMax }: Distill): string => {
  if (ratioMin === undefined && ratioMax === undefined) return "";
  const low = ratioMin === undefined ? "" : `${ratioMin} ≤ `;
  const high = ratioMax === undefined ? "" : ` ≤ ${ratioMax}`;
  return `, ${low}teacher/student${high}`;
};

/** A teacher rule in words. */
export const describeTeacher = (rule: TeacherRule): string => {
  switch (rule._tag) {
    case "frozen":
      return "frozen teacher";
    case "live":
      return "teacher = student";
    case "ema":
      return `EMA teacher, rate ${rule.rate}`;
    case "trust-region":
      return `trust-region teacher, rate ${rule.rate}`;
    case "hard-sync":
      return `teacher copied every ${rule.every} updates`;
  }
};

/** For example `reverse KL over the student's top 20, renormalised, 0.2 ≤ teacher/student, token-mean, EMA teacher, rate 0.01`. */
export const describe = (objective: Objective): string => {
  switch (objective._tag) {
    case "Distill":
      return `${divergence(objective)}${buckets(objective)}${clamps(objective)}, ${objective.aggregation}, ${describeTeacher(objective.teacher)}`;
    case "PolicyGradient":
      return `policy gradient (${objective.shaping === "rlsd" ? "GRPO with RLSD shaping" : "GRPO"}), ratio within 1 − ${objective.clipLow} … 1 + ${objective.clipHigh}, ${objective.aggregation}`;
    case "CrossEntropy":
      return `cross-entropy, ${objective.aggregation}`;
  }
};
