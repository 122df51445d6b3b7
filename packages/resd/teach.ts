/** From an attempt and the words about it to the sample that the policy trains on. */
import {
  type Attempt,
  Format,
  type Objective,
  Policy,
  type PolicyError,
  type SignalReason,
  type TrainSample,
  rewardOf,
} from "@resd/core";
import { Effect } from "effect";
import type { ResdConfig } from "./config.ts";
import { type ContextUpdate, playbookKey } from "./context_update.ts";
import type { Demonstration } from "./demonstration.ts";
import { joinIds } from "./ids.ts";
import { answerText } from "./format/tool_calls.ts";
import { type Judged, signalOf, usesTeacher } from "./signal.ts";
import {
  type Teaching,
  type TeacherContext,
  planTeacherContext,
  teachingOpening,
  wantedSections,
} from "./teacher_context.ts";

/** What the teacher of one attempt would be shown, by the switches of the run. */
export const teachingOf = (
  attempt: Attempt,
  config: ResdConfig,
  context: Pick<ContextUpdate, "views" | "reflections">,
  demonstration: Pick<Demonstration, "text"> | undefined,
): Teaching => {
  const { sections, feedbackBesideSolution } = config;
  const key = playbookKey(config.playbook, attempt.taskKey);
  const view = key === undefined ? undefined : context.views.get(key);
  const reflection = context.reflections.get(attempt.id)?.text;
  const withFeedback = sections.feedback && (feedbackBesideSolution || demonstration === undefined);
  return {
    ...teachingOpening(attempt),
    playbook: sections.playbook ? (view?.entries ?? []) : [],
    ...(sections.attempt ? { attempt: answerText(attempt) } : {}),
    results: withFeedback ? attempt.results : [],
    ...(sections.reflection && reflection !== undefined ? { reflection } : {}),
    ...(sections.solution && demonstration !== undefined ? { solution: demonstration.text } : {}),
  };
};

/** An attempt with what its teacher reads, and why. */
export interface Taught {
  readonly signal: SignalReason;
  readonly context?: TeacherContext;
}

/** The teacher's prompt for one attempt: the prompt and the attempt's own tokens together fit the policy. */
export const teach = Effect.fnUntraced(function* (
  attempt: Attempt,
  config: ResdConfig,
  teaching: Teaching,
  judged: Judged,
): Effect.fn.Return<Taught, PolicyError, Policy | Format> {
  const { objective } = config;
  const wanted = wantedSections(teaching, yield* Format);
  const due = signalOf(objective, judged, wanted, wanted);
  const follows = due !== "reward" || rewardOf(objective)?.shaping === "rlsd";
  if (!usesTeacher(objective) || !follows || due === "none:no-teacher") return { signal: due };
  const suffix = attempt.ids.length - attempt.from;
  const room = (yield* Policy).info.maxContext - suffix;
  const context = yield* planTeacherContext(
    teaching,
    Math.min(config.limits.teacherPromptTokens, room),
  );
  const shown = context._tag === "Overflow" ? undefined : context.sections;
  return { signal: signalOf(objective, judged, wanted, shown), context };
});

/**
 * Whether a sample with this reason goes to the teacher, to the reward, or to both. By outcome it is one of them, and
 * RLSD's reward has both.
 */
const routeOf = (objective: Objective, signal: SignalReason) => {
  const lesson = signal !== "reward";
  if (objective._tag !== "Mixture") return { teacher: true, reward: true };
  return objective.route._tag === "outcome"
    ? { teacher: lesson, reward: !lesson }
    : { teacher: lesson, reward: true };
};

/** The sample of an attempt. Without a signal nothing of it is trained on, but it still counts as one of the batch. */
export const trainSample = (
  attempt: Attempt,
  { signal, context }: Taught,
  objective: Objective,
  weight: number,
  given: number | undefined,
): TrainSample => {
  const silent = signal.startsWith("none:");
  const route = routeOf(objective, signal);
  const prompt = context?._tag === "Fits" && !silent && route.teacher ? context.ids : undefined;
  const advantage = route.reward ? given : undefined;
  return {
    id: attempt.id,
    student: { ids: attempt.ids, from: attempt.from },
    ...(prompt === undefined
      ? {}
      : {
          teacher: {
            ids: joinIds(prompt, attempt.ids.subarray(attempt.from)),
            from: prompt.length,
          },
        }),
    mask: silent ? new Uint8Array(attempt.mask.length) : attempt.mask,
    weight,
    ...(advantage === undefined ? {} : { advantage }),
    behaviour: attempt.logProbs,
    signal,
  };
};
