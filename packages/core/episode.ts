/**
 * What crosses between a policy and an environment, as data: actions go in, step results come out.
 * All of it survives JSON, because rollout files hold exactly this.
 */
import { Schema } from "effect";

/** One test of an answer. `hidden` cases count for the reward, but their content never reaches any prompt. */
export const TestCase = Schema.Struct({
  /** Stable inside one task. */
  id: Schema.NonEmptyString,
  visibility: Schema.Literals(["public", "hidden"]),
  status: Schema.Literals(["passed", "failed", "error", "timeout", "skipped"]),
  /** Share in the `fraction` reward policy; 1 when absent. */
  weight: Schema.optionalKey(Schema.Finite),
  /** Partial credit in [0, 1]; when absent 1 if passed, else 0. */
  score: Schema.optionalKey(Schema.Finite),
  input: Schema.optionalKey(Schema.String),
  expected: Schema.optionalKey(Schema.String),
  actual: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String),
  debug: Schema.optionalKey(Schema.String),
  durationMs: Schema.optionalKey(Schema.Finite),
});
export type TestCase = typeof TestCase.Type;

/** One remark of the environment about a failure, typed by what went wrong. */
export const FeedbackPart = Schema.Struct({
  kind: Schema.Literals([
    "wrong_answer",
    "runtime_error",
    "compile_error",
    "format",
    "timeout",
    "truncated",
    "constraint",
    "tool_error",
    "judge",
    "hint",
    "summary",
  ]),
  text: Schema.String,
  testId: Schema.optionalKey(Schema.String),
  /** Character range in the action's text. */
  span: Schema.optionalKey(Schema.Tuple([Schema.Int, Schema.Int])),
  severity: Schema.optionalKey(Schema.Literals(["error", "warning", "info"])),
});
export type FeedbackPart = typeof FeedbackPart.Type;

/** Whether feedback text gives away the gold answer: declared by the environment, checked by its laws. */
export const Leakage = Schema.Literals(["none", "partial", "answer"]);
export type Leakage = typeof Leakage.Type;

/** Read by reflector and teacher; the student only ever sees `observation`. */
export const Feedback = Schema.Struct({
  parts: Schema.Array(FeedbackPart),
  leakage: Leakage,
});
export type Feedback = typeof Feedback.Type;

/** How reading the answer went. An enumeration and never a boolean: a grader that always says "no" must be visible. */
export const ParseOutcome = Schema.Literals([
  "ok",
  "repaired",
  "no_answer",
  "malformed",
  "not_applicable",
]);
export type ParseOutcome = typeof ParseOutcome.Type;

/** A request of the policy to run one of the episode's tools. */
export const ToolCall = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  arguments: Schema.Unknown,
});
export type ToolCall = typeof ToolCall.Type;

/** A tool an episode offers; `parameters` is a JSON Schema. */
export const ToolSpec = Schema.Struct({
  name: Schema.NonEmptyString,
  description: Schema.String,
  parameters: Schema.Record(Schema.String, Schema.Unknown),
});
export type ToolSpec = typeof ToolSpec.Type;

/** One message of a conversation. */
export const Message = Schema.Struct({
  role: Schema.Literals(["system", "user", "assistant", "tool"]),
  content: Schema.String,
  name: Schema.optionalKey(Schema.String),
  toolCallId: Schema.optionalKey(Schema.String),
  toolCalls: Schema.optionalKey(Schema.Array(ToolCall)),
});
export type Message = typeof Message.Type;

/** Why sampling stopped. `max_tokens` is a truncated rollout. */
export const Stop = Schema.Literals(["eos", "stop_string", "max_tokens", "aborted"]);
export type Stop = typeof Stop.Type;

/** What a policy did in one turn. Never tokens: the engine owns ids, masks and log-probs. */
export const Action = Schema.Struct({
  content: Schema.String,
  reasoning: Schema.optionalKey(Schema.String),
  toolCalls: Schema.optionalKey(Schema.Array(ToolCall)),
  stop: Stop,
});
export type Action = typeof Action.Type;

/** The environment's answer to one action. A bad answer is a low reward here, never an error. */
export const StepResult = Schema.Struct({
  /** Appended to the conversation; empty on the last step. */
  observation: Schema.Array(Message),
  /** `truncated` means that a limit was reached, which is not the task's own end. */
  status: Schema.Literals(["running", "terminated", "truncated"]),
  /** The scalar of this step; the episode's score is the sum over steps. */
  reward: Schema.Finite,
  /** Correct in the sense of mean@k and best@k, whatever the reward's scale. */
  success: Schema.optionalKey(Schema.Boolean),
  rewards: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite)),
  tests: Schema.optionalKey(Schema.Array(TestCase)),
  /** Which test cases to show, in order, by id; absent: the failing public ones in order. */
  cases: Schema.optionalKey(Schema.Array(Schema.String)),
  feedback: Schema.optionalKey(Feedback),
  parse: ParseOutcome,
  metrics: Schema.optionalKey(Schema.Record(Schema.String, Schema.Finite)),
  /** For people who read rollout files; never trained on and never shown to a model. */
  info: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
});
export type StepResult = typeof StepResult.Type;
