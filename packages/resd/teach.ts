/** From an attempt and the words about it to the sample that the policy trains on. */
import {
  type Attempt,
  Format,
  Policy,
  type PolicyError,
  type SignalReason,
  type TrainSample,
} from "@resd/core";
import { Effect } from "effect";
import type { ResdConfig } from "./config.ts";
import { type ContextUpdate, playbookKey } from "./context_update.ts";
import type { Demonstration } from "./demonstration.ts";
import { joinIds } from "./ids.ts";
import { answerText } from "./format/tool_calls.ts";
import { signalOf, usesTeacher } from "./signal.ts";
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
  context: ContextUpdate,
  demonstration: Demonstration | undefined,
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
  demonstration: Demonstration | undefined,
): Effect.fn.Return<Taught, PolicyError, Policy | Format> {
  const { objective } = config;
  const wanted = wantedSections(teaching, yield* Format);
  const due = signalOf(objective, attempt.success, demonstration, wanted, wanted);
  if (!usesTeacher(objective) || due === "none:no-teacher") return { signal: due };
  const suffix = attempt.ids.length - attempt.from;
  const room = (yield* Policy).info.maxContext - suffix;
  const context = yield* planTeacherContext(
    teaching,
    Math.min(config.limits.teacherPromptTokens, room),
  );
  if (context._tag === "Overflow") return { signal: "none:overflow", context };
  const { sections } = context;
  return { signal: signalOf(objective, attempt.success, demonstration, wanted, sections), context };
});

/** The sample of an attempt. Without a signal nothing of it is trained on, but it still counts as one of the batch. */
export const trainSample = (
  attempt: Attempt,
  { signal, context }: Taught,
  weight: number,
  advantage: number | undefined,
): TrainSample => {
  const silent = signal.startsWith("none:");
  const prompt = context?._tag === "Fits" && !silent ? context.ids : undefined;
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
