/** An objective in one line, for the headers of runs. */
import type { Distill, Importance, Objective, PolicyGradient, TeacherRule } from "@resd/core";

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

const options = (objective: Distill): string => {
  const { target, importance, tokenFilter, entropyWeight, positionRamp } = objective;
  return [
    target === undefined ? "" : `, towards ${target.beta} of the way in ${target.space}`,
    tokenFilter === undefined
      ? ""
      : tokenFilter._tag === "entropy-gain"
        ? ", tokens where the teacher's entropy is the higher"
        : `, the ${tokenFilter.share} of tokens with the highest rank by ${tokenFilter.by}`,
    entropyWeight === undefined ? "" : `, weights exp(−${entropyWeight}·H_T)`,
    positionRamp === undefined ? "" : `, position ramp ${positionRamp}`,
    clipped(importance),
  ].join("");
};

const clipped = (importance: Importance | undefined): string =>
  importance === undefined
    ? ""
    : `, importance weights by ${importance.over} up to ${importance.clip}`;

const gradientName = ({ shaping, normalize }: PolicyGradient): string =>
  [
    shaping === "rlsd" ? "GRPO with RLSD shaping" : "GRPO",
    normalize === false ? ", advantages not normalized" : "",
  ].join("");

/** For example `reverse KL over the student's top 20, renormalised, 0.2 ≤ teacher/student, token-mean, EMA teacher, rate 0.01`. */
export const describe = (objective: Objective): string => {
  switch (objective._tag) {
    case "Distill":
      return `${divergence(objective)}${buckets(objective)}${clamps(objective)}${options(objective)}, ${objective.aggregation}, ${describeTeacher(objective.teacher)}`;
    case "PolicyGradient":
      return `policy gradient (${gradientName(objective)}), ratio within 1 − ${objective.clipLow} … 1 + ${objective.clipHigh}${clipped(objective.importance)}, ${objective.aggregation}`;
    case "CrossEntropy":
      return `cross-entropy, ${objective.aggregation}`;
    case "Mixture": {
      const { distill, reward, route } = objective;
      return route._tag === "share"
        ? `${route.lambda} × (${describe(distill)}) + ${1 - route.lambda} × (${describe(reward)})`
        : `failures with a lesson: ${describe(distill)}; the others: ${describe(reward)}`;
    }
  }
};
