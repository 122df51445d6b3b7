/** Attempts for tests: whole ones, from the few things that a test is about. */
import { type Action, type Attempt, type Message, type StepResult, isSuccess } from "@resd/core";

/** A graded step; terminated, with reward 1 exactly if it is a success. */
export const stepResultOf = (parts: Partial<StepResult> = {}): StepResult => ({
  observation: [],
  status: "terminated",
  reward: parts.success === true ? 1 : 0,
  parse: "ok",
  ...parts,
});

/** An attempt of one or several turns, without tokens. Its success is that of its last step. */
export const attemptOf = (parts: {
  readonly id?: string;
  readonly problem: string;
  readonly answer: string | ReadonlyArray<string>;
  readonly results?: ReadonlyArray<Partial<StepResult>>;
  readonly initial?: ReadonlyArray<Message>;
}): Attempt => {
  const answers = typeof parts.answer === "string" ? [parts.answer] : parts.answer;
  const results = (parts.results ?? [{ success: false }]).map(stepResultOf);
  const last = results.at(-1);
  const success = last !== undefined && isSuccess(last);
  return {
    id: parts.id ?? "attempt-1",
    taskKey: `task of ${parts.id ?? "attempt-1"}`,
    problem: parts.problem,
    sample: 0,
    initial: parts.initial ?? [{ role: "user", content: parts.problem }],
    actions: answers.map((content): Action => ({ content, stop: "eos" })),
    results,
    ids: new Int32Array(0),
    from: 0,
    mask: new Uint8Array(0),
    logProbs: new Float32Array(0),
    reward: success ? 1 : 0,
    success,
    fraction: success ? 1 : 0,
    truncated: false,
    policyVersion: "0",
  };
};
