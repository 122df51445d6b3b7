/** Reasons why evaluations stand still or fall, when every update looks right. */
import type { Evaluation } from "@resd/core";
import type { CurvePoint } from "../summary.ts";
import type { Finding } from "./finding.ts";
import { type RunHistory, type Stretch, WINDOW, before, hasRisen, lately } from "./history.ts";

/** Evaluations after the first that have to agree before a run is said to stand still. */
const PATIENCE = 4;
const UPDATES = 3 * WINDOW;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Whether a share is smaller than another by more than chance and by enough to matter. */
const isBelow = (low: Evaluation, high: Evaluation): boolean =>
  high.perTask - low.perTask > Math.max(0.1, 3 * Math.hypot(low.perTaskStderr, high.perTaskStderr));

const isNoBetter = (later: Evaluation, earlier: Evaluation): boolean =>
  (["perTask", "perTest"] as const).every(
    (measure) =>
      later[measure] <=
      earlier[measure] +
        Math.max(0.02, 2 * Math.hypot(later[`${measure}Stderr`], earlier[`${measure}Stderr`])),
  );

/** Held-out results after many updates are those of the untrained policy. */
export const standsStill = (history: RunHistory): Finding | undefined => {
  const [first, ...later] = history.evaluations;
  const last = later.at(-1);
  const updates = lately(history);
  if (first === undefined || last === undefined || updates === undefined) return undefined;
  // Methods that learn from rewards may stand still for half of a run before they rise.
  const { planned = Infinity } = history;
  const due = Math.max(UPDATES, Number.isFinite(planned) ? planned / 2 : 0);
  if (later.length < PATIENCE || last.update - first.update < due || hasRisen(history)) {
    return undefined;
  }
  const still = later.every(({ student }) => isNoBetter(student, first.student));
  if (!still || first.student.perTask >= 0.9) return undefined;
  const seen = `Held-out success is ${percent(last.student.perTask)} after ${last.update} updates, ${percent(first.student.perTask)} before them`;
  const { teacher } = last;
  if (teacher === undefined) {
    return {
      cause: "no-progress",
      message: `${seen}; whether the teacher knows better is not measured: switch evaluation.teacher on, where the playbook may be shown on held-out tasks`,
    };
  }
  return isBelow(last.student, teacher)
    ? {
        cause: "student-does-not-follow",
        message: `${seen}, though its teacher has ${percent(teacher.perTask)}: the weights moved by ${updates.mean("paramDeltaNorm").toExponential(1)} a step at rate ${updates.mean("learningRate").toExponential(1)}; raise lr`,
      }
    : {
        cause: "teacher-no-better",
        message: `${seen}, and its teacher has ${percent(teacher.perTask)} with ${updates.mean("playbook/size").toFixed(0)} playbook entries in context: the context does not help it; read the reflections and the playbook`,
      };
};

/** The last of the best evaluations, when the last two are both clearly below it. */
const fallFrom = (
  evaluations: ReadonlyArray<CurvePoint>,
  read: (point: CurvePoint) => Evaluation | undefined,
): { readonly best: CurvePoint; readonly last: CurvePoint } | undefined => {
  const measured = evaluations.filter((point) => read(point) !== undefined);
  if (measured.length < 3) return undefined;
  const best = measured.reduce((a, b) => (read(b)!.perTask >= read(a)!.perTask ? b : a));
  const [one, last] = measured.slice(-2) as [CurvePoint, CurvePoint];
  const both = [one, last].every((point) => isBelow(read(point)!, read(best)!));
  return both ? { best, last } : undefined;
};

const ratio = (now: Stretch, then: Stretch, key: string): number => now.mean(key) / then.mean(key);

/** What the words and the answers have become since the best evaluation. */
const explainByAttempts = (now: Stretch, then: Stretch): Finding | undefined => {
  const sizes = [then.last("playbook/size"), now.last("playbook/size")] as const;
  if (sizes[0] >= 4 && sizes[1] <= sizes[0] / 2) {
    return {
      cause: "playbook-emptied",
      message: `the playbook shrank from ${sizes[0].toFixed(0)} to ${sizes[1].toFixed(0)} entries; playbook/ops.jsonl says why each left, and concise when they do`,
    };
  }
  const cut = now.mean("train/truncated") - then.mean("train/truncated");
  return cut >= 0.2 || ratio(now, then, "tokens/perAttempt") >= 1.5
    ? {
        cause: "length-explosion",
        message: `answers grew from ${then.mean("tokens/perAttempt").toFixed(0)} to ${now.mean("tokens/perAttempt").toFixed(0)} tokens, and ${percent(now.mean("train/truncated"))} of them end at the limit; raise sampling.rollout.maxTokens or lower lr`,
      }
    : undefined;
};

/** What the teacher has become since. */
const explainByTeacher = (best: CurvePoint, last: CurvePoint): Finding | undefined => {
  if (best.teacher === undefined || last.teacher === undefined) return undefined;
  return isBelow(last.teacher, best.teacher)
    ? {
        cause: "teacher-followed-student",
        message: `its teacher fell too, from ${percent(best.teacher.perTask)} to ${percent(last.teacher.perTask)}: it is made of the student, and learned its mistakes; lower the rate of the teacher's average, or freeze it`,
      }
    : {
        cause: "student-left-teacher",
        message: `its teacher still has ${percent(last.teacher.perTask)}: the student's steps overshoot; lower lr, or end the run earlier (evaluation.patience)`,
      };
};

/** What the numbers of the updates have become since. */
const explainByUpdates = (now: Stretch, then: Stretch): Finding | undefined => {
  if (ratio(now, then, "gradNorm") >= 5) {
    return {
      cause: "gradient-blow-up",
      message: `the gradient's norm grew from ${then.mean("gradNorm").toPrecision(2)} to ${now.mean("gradNorm").toPrecision(2)}; lower lr, or set clipNorm`,
    };
  }
  return ratio(now, then, "entropy/student") <= 0.25
    ? {
        cause: "entropy-collapse",
        message: `the student's entropy fell from ${then.mean("entropy/student").toPrecision(2)} to ${now.mean("entropy/student").toPrecision(2)} nats a token: it says the same whatever it is asked; lower lr, or take alpha below 1`,
      }
    : undefined;
};

/** The student was better before, and what else changed since. */
export const successFalls = (history: RunHistory): Finding | undefined => {
  const fall = fallFrom(history.evaluations, ({ student }) => student);
  if (fall === undefined) return undefined;
  const { best, last } = fall;
  const seen = `Held-out success fell from ${percent(best.student.perTask)} at update ${best.update} to ${percent(last.student.perTask)}`;
  const [now, then] = [lately(history), before(history, best)];
  const known = now !== undefined && then !== undefined;
  const found =
    (known ? explainByAttempts(now, then) : undefined) ??
    explainByTeacher(best, last) ??
    (known ? explainByUpdates(now, then) : undefined);
  return found === undefined
    ? {
        cause: "success-falls",
        message: `${seen}; lower lr, or keep the best policy (evaluation.keepBest)`,
      }
    : { cause: found.cause, message: `${seen}; ${found.message}` };
};

/** The teacher was better before; the student, who learns from it, will follow. */
export const teacherFalls = (history: RunHistory): Finding | undefined => {
  const fall = fallFrom(history.evaluations, ({ teacher }) => teacher);
  if (fall === undefined || successFalls(history) !== undefined) return undefined;
  const { best, last } = fall;
  return {
    cause: "teacher-falls",
    message: `The teacher's held-out success fell from ${percent(best.teacher!.perTask)} at update ${best.update} to ${percent(last.teacher!.perTask)}, and the student learns from it; look at what left the playbook, and lower the rate of the teacher's average`,
  };
};
