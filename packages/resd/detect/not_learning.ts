/** Reasons why an update teaches nothing, from the last updates alone. */
import type { Finding } from "./finding.ts";
import {
  type RunHistory,
  type Stretch,
  WINDOW,
  atFirst,
  isSolving,
  lately,
  signals,
} from "./history.ts";

/** A gradient of this norm moves nothing: those of a run that learns are between 0.01 and 10. */
const NO_GRADIENT = 5e-5;
/** Nats per token under which two distributions are the same. */
const NO_DIVERGENCE = 1e-4;
const NEARLY_ALL = 0.95;

const largest = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");

/** The rate is 0. */
export const rateIsZero = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || !last.every("learningRate", (rate) => rate === 0)) return undefined;
  return {
    cause: "learning-rate-zero",
    message: `The learning rate was 0 in the last ${WINDOW} updates, so no weight moves; raise lr, or shorten the warm-up`,
  };
};

/** Every step was thrown away. */
export const stepsAreSkipped = ({ updates }: RunHistory): Finding | undefined => {
  const last = updates.slice(-WINDOW);
  const skipped = last.filter(({ metrics }) => metrics["skipped"] !== undefined);
  if (last.length < WINDOW || skipped.length < WINDOW) return undefined;
  return {
    cause: "steps-skipped",
    message: `None of the last ${WINDOW} steps was made: ${skipped.at(-1)?.metrics["skipped"]}; lower lr, and look for values that are not finite from the first skipped update on`,
  };
};

/** There is a gradient and a rate, and still no weight moves. */
export const weightsStandStill = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || last.text("skipped") !== undefined) return undefined;
  const still =
    last.every("paramDeltaNorm", (delta) => delta === 0) &&
    last.every("learningRate", (rate) => rate > 0) &&
    last.every("gradNorm", (norm) => norm >= NO_GRADIENT);
  if (!still) return undefined;
  return {
    cause: "weights-do-not-move",
    message: `No weight moved in the last ${WINDOW} updates, though the gradient's norm is ${last.mean("gradNorm").toExponential(1)}: steps of rate ${last.mean("learningRate").toExponential(1)} are too small for the precision of the weights; raise lr`,
  };
};

const REASONS: Readonly<Record<string, { cause: Finding["cause"]; advice: string }>> = {
  "none:no-teacher": {
    cause: "no-privileged-text",
    advice:
      "the teacher would read what the student reads, and knows no better. Switch on sections that have something to say (reflection, feedback, solution), and look in rollouts/ whether the environment gives feedback at all",
  },
  "none:no-solution": {
    cause: "no-solutions",
    advice:
      "there is nothing to imitate, because no attempt is solved and no solution is cached. Draw more rollouts per prompt, choose easier tasks, or begin with a teacher (resd)",
  },
  "none:overflow": {
    cause: "prompts-overflow",
    advice:
      "the enriched prompts do not fit. Raise limits.teacherPromptTokens or limits.promptTokens, or use a model with more context",
  },
  "none:environment-error": {
    cause: "environment-fails",
    advice: "the environment could not grade the attempts. run.log has its messages",
  },
};

/** Next to nobody has a lesson: no context for the teacher, no room for it, or no grade. */
export const nobodyIsTaught = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined) return undefined;
  const { reasons, all, silent } = signals(last);
  // A solved attempt may teach nothing by design; unsolved ones always should.
  const unsolved = all * (1 - (last.mean("train/solved") || 0));
  if (all === 0 || silent < NEARLY_ALL * all || unsolved < all / 2) return undefined;
  const [[reason = "", count = 0] = []] = [...reasons]
    .filter(([name]) => name.startsWith("none:"))
    .toSorted(([, a], [, b]) => b - a);
  // Imitation lives on a few solutions; only none at all is a fault.
  if (reason === "none:no-solution" && silent < all) return undefined;
  const { cause, advice } = REASONS[reason] ?? {
    cause: "all-masked" as const,
    advice: "the reasons are counted in metrics.jsonl under signal/",
  };
  return {
    cause,
    message: `${silent} of the last ${all} attempts taught nothing (${count} ${reason}): ${advice}`,
  };
};

/** There are lessons, but no token to learn them on. */
export const nothingIsTrained = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || !last.every("tokens/trained", (tokens) => tokens === 0)) {
    return undefined;
  }
  const { all, silent } = signals(last);
  if (all === 0 || silent >= NEARLY_ALL * all) return undefined;
  return {
    cause: "no-tokens",
    message: `No token was trained on in the last ${WINDOW} updates, though ${all - silent} attempts have a signal: every mask is 0, as if all answers were empty; look at the answers in rollouts/`,
  };
};

/** Everything that is learned comes from a teacher that reads more than the student. */
const isDistilling = (last: Stretch): boolean => {
  const { all, silent, byReward } = signals(last);
  const taught = last.sum("tokens/trained") > 0 && last.sum("teacher/promptTokens") > 0;
  return all > 0 && byReward === 0 && silent < all && taught;
};

/** Student and teacher agree on every token, and the tasks are not solved. */
export const teacherIsStudent = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || !isDistilling(last) || isSolving(last)) return undefined;
  if (!last.every("divergence", (nats) => Math.abs(nats) < NO_DIVERGENCE)) return undefined;
  const prompt = last.mean("teacher/promptTokens");
  return {
    cause: "teacher-is-student",
    message: `Teacher and student differ by less than ${NO_DIVERGENCE} nats a token in the last ${WINDOW} updates, so there is nothing to learn from it: ${
      last.mean("lessons") === 0 && last.mean("playbook/size") === 0
        ? "no reflection states a lesson and the playbook is empty"
        : `its prompts have ${prompt.toFixed(0)} tokens, and the model takes no notice of them`
    }; read a prompt and both answers with resd sample`,
  };
};

/** All of the objective's buckets lie at a bound. */
export const allIsClamped = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || !isDistilling(last)) return undefined;
  if (!last.every("clampedFraction", (share) => share >= NEARLY_ALL)) return undefined;
  return {
    cause: "all-clamped",
    message: `${(100 * last.mean("clampedFraction")).toFixed(0)} % of the probability ratios lie at a bound in the last ${WINDOW} updates, so what the teacher prefers hardly matters; widen ratioMin and ratioMax`,
  };
};

/** The gradient is 0 for no reason given above. */
export const gradientVanishes = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || isSolving(last) || last.sum("tokens/trained") === 0) return undefined;
  if (!last.every("gradNorm", (norm) => norm < NO_GRADIENT)) return undefined;
  const { all, byReward } = signals(last);
  if (byReward > all / 2) {
    const [then, now] = [atFirst(history)?.mean("entropy/student"), last.mean("entropy/student")];
    if (then !== undefined && now < then / 4) {
      return {
        cause: "entropy-collapse",
        message: `The gradient is 0 in the last ${WINDOW} updates, because the rollouts of a prompt are all alike: the student's entropy fell from ${then.toPrecision(2)} to ${now.toPrecision(2)} nats a token while only ${(100 * last.mean("train/success")).toFixed(0)} % are solved. Nothing is explored any more: begin anew with a lower lr, more rollouts per prompt, or a teacher (resd)`,
      };
    }
    return {
      cause: "rewards-equal",
      message: `The gradient is 0 in the last ${WINDOW} updates, because the rollouts of a prompt all earn the same (mean reward ${last.mean("train/reward").toFixed(3)}; answers by how they could be read: ${largest(last.sums("parse/"))}); draw more rollouts per prompt, choose easier tasks, or begin with a teacher (resd)`,
    };
  }
  if (teacherIsStudent(history) !== undefined || allIsClamped(history) !== undefined) {
    return undefined;
  }
  return {
    cause: "gradient-zero",
    message: `The gradient's norm is ${last.mean("gradNorm").toExponential(1)} in the last ${WINDOW} updates, with ${last.mean("divergence").toExponential(1)} nats a token between student and teacher; look at success weights, and at the aggregation when answers are long`,
  };
};

/** Answers that the environment cannot read, or that end at the limit, earn nothing whatever they say. */
export const answersAreLost = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || last.mean("train/success") > 0.05) return undefined;
  const outcomes = last.sums("parse/");
  const all = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  const unread = (outcomes.get("malformed") ?? 0) + (outcomes.get("no_answer") ?? 0);
  if (last.every("train/truncated", (share) => share >= 0.9)) {
    return {
      cause: "answers-cut",
      message: `${(100 * last.mean("train/truncated")).toFixed(0)} % of the answers end at sampling.rollout.maxTokens (${last.mean("tokens/perAttempt").toFixed(0)} tokens each), and hardly any earns something; raise it`,
    };
  }
  if (all === 0 || unread < 0.9 * all) return undefined;
  return {
    cause: "answers-unreadable",
    message: `The environment cannot read ${unread} of the last ${all} answers (${largest(outcomes)}); compare an answer with what the task asks for (resd sample), and the prompt format with the model`,
  };
};
