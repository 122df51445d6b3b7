/** Episodes of several turns in which a policy calls tools, one of which ends the task. */
import {
  type Action,
  type EnvironmentError,
  EpisodeClosedError,
  type EpisodeContext,
  type Episode,
  type FeedbackPart,
  type Graded,
  type Message,
  type StepResult,
  type ToolCall,
  type ToolSpec,
  quote,
} from "@resd/core";
import { Effect, Result, Schema } from "effect";

/** What a call of a tool came to: words for the policy, a fault of the call, or the end of the task. */
export type ToolOutcome =
  | { readonly _tag: "Told"; readonly text: string }
  | { readonly _tag: "Failed"; readonly text: string }
  | { readonly _tag: "Ended"; readonly graded: Graded };

/** The policy reads what the tool says. */
export const told = (text: string): ToolOutcome => ({ _tag: "Told", text });
/** The call made no sense, or could not be done: the policy reads why, and so do reflector and teacher. */
export const failed = (text: string): ToolOutcome => ({ _tag: "Failed", text });
/** The task is over. */
export const ended = (graded: Graded): ToolOutcome => ({ _tag: "Ended", graded });

/** A tool without the type of its arguments. */
export interface Tool {
  readonly description: string;
  /** A JSON Schema of an object. */
  readonly parameters: ToolSpec["parameters"];
  readonly call: (args: unknown) => Effect.Effect<ToolOutcome, EnvironmentError>;
}

const QUOTED = 80;

/**
 * A tool over arguments of a Schema, `Schema.Struct({ … })`. Descriptions of its fields reach the policy; arguments that do
 * not fit are answered with what was expected.
 */
export const tool = <Args>(spec: {
  readonly description: string;
  readonly args: Schema.Codec<Args, unknown>;
  readonly run: (args: Args) => Effect.Effect<ToolOutcome, EnvironmentError>;
}): Tool => {
  const decode = Schema.decodeUnknownResult(spec.args, {
    errors: "all",
    onExcessProperty: "error",
  });
  const { schema } = Schema.toJsonSchemaDocument(spec.args, { onExcessProperty: "error" });
  return {
    description: spec.description,
    parameters: schema as ToolSpec["parameters"],
    call: (args) => {
      const decoded = decode(args);
      return Result.isSuccess(decoded)
        ? spec.run(decoded.success)
        : Effect.succeed(failed(`The arguments do not fit: ${decoded.failure.message}`));
    },
  };
};

/** What an episode with tools is made of. */
export interface ToolEpisode {
  readonly initial: ReadonlyArray<Message>;
  readonly tools: Readonly<Record<string, Tool>>;
  /** The grade of an episode whose turns are over before a tool has ended it. */
  readonly unfinished: Omit<Graded, "parse">;
  readonly context: EpisodeContext;
  /** Calls in one turn; further ones are not made. 8 unless given. */
  readonly maxCalls?: number;
}

const namesOf = (tools: ToolEpisode["tools"]): string => Object.keys(tools).join(", ");

const misfit = ({ name, arguments: args }: ToolCall, tools: ToolEpisode["tools"]): string =>
  name === ""
    ? `The call cannot be read. Expected a JSON object with "name" and "arguments", got ${quote(typeof args === "string" ? args : JSON.stringify(args), QUOTED)}.`
    : `There is no tool ${JSON.stringify(quote(name, QUOTED))}. The tools are: ${namesOf(tools)}.`;

const CUT_OFF: FeedbackPart = { kind: "truncated", text: "The answer was cut off by its length." };

/** Messages that together have at most `room` characters. */
const fitted = (messages: ReadonlyArray<Message>, room: number): ReadonlyArray<Message> => {
  const share = Math.max(1, Math.floor(room / Math.max(1, messages.length)));
  return messages.map((message) => ({ ...message, content: quote(message.content, share - 1) }));
};

interface Turn {
  readonly messages: ReadonlyArray<Message>;
  readonly parts: ReadonlyArray<FeedbackPart>;
  readonly parse: Graded["parse"];
  readonly graded?: Graded;
}

const callAll = Effect.fnUntraced(function* (
  { tools, maxCalls = 8 }: ToolEpisode,
  calls: ReadonlyArray<ToolCall>,
): Effect.fn.Return<Turn, EnvironmentError> {
  const messages: Array<Message> = [];
  const parts: Array<FeedbackPart> = [];
  let parse: Graded["parse"] = "not_applicable";
  const answer = (call: ToolCall, content: string) =>
    messages.push({
      role: "tool",
      content,
      toolCallId: call.id,
      ...(Object.hasOwn(tools, call.name) ? { name: call.name } : {}),
    });
  for (const [i, call] of calls.entries()) {
    if (i >= maxCalls) {
      answer(call, `Not done: at most ${maxCalls} calls in one turn.`);
      continue;
    }
    const found = Object.hasOwn(tools, call.name) ? tools[call.name] : undefined;
    if (found === undefined) parse = "malformed";
    const outcome = yield* (
      found?.call(call.arguments) ?? Effect.succeed(failed(misfit(call, tools)))
    );
    if (outcome._tag === "Ended") return { messages, parts, parse, graded: outcome.graded };
    if (outcome._tag === "Failed") parts.push({ kind: "tool_error", text: outcome.text });
    answer(call, outcome.text);
  }
  return { messages, parts, parse };
});

/** A turn in which nothing was called. */
const idle = ({ tools }: ToolEpisode, { stop }: Action): Turn => {
  const cut = stop === "max_tokens";
  const content = `${cut ? "The message was cut off by its length before" : "Nothing happened, because"} no tool was called. The tools are: ${namesOf(tools)}.`;
  return {
    messages: [{ role: "user", content }],
    parts: cut ? [CUT_OFF] : [{ kind: "format", text: content }],
    parse: "no_answer",
  };
};

/**
 * An episode in which each turn calls tools until one ends it, or the turns of the context are over. A call that makes no
 * sense is answered in words, as is a turn without a call; what the policy reads fits into `limits.maxObservationChars`.
 *
 * @example
 * ```ts
 * toolEpisode({
 *   initial: [{ role: "user", content: "Guess a number from 1 to 100." }],
 *   tools: {
 *     guess: tool({
 *       description: "Guesses.",
 *       args: Schema.Struct({ number: Schema.Int }),
 *       run: ({ number }) =>
 *         Effect.succeed(
 *           number === secret
 *             ? ended({ reward: 1, success: true, parse: "ok" })
 *             : told(number < secret ? "More." : "Less."),
 *         ),
 *     }),
 *   },
 *   unfinished: { reward: 0, success: false, feedback: { parts: [], leakage: "none" } },
 *   context,
 * });
 * ```
 */
export const toolEpisode = (spec: ToolEpisode): Episode => {
  const { limits, episodeId } = spec.context;
  let turns = 0;
  let closed = false;
  const step = Effect.fnUntraced(function* (
    action: Action,
  ): Effect.fn.Return<StepResult, EnvironmentError> {
    if (closed) {
      const message = `Expected no step after the end, got another, at episode ${episodeId}`;
      return yield* new EpisodeClosedError({ message, episodeId });
    }
    turns++;
    const { toolCalls = [] } = action;
    const turn = toolCalls.length === 0 ? idle(spec, action) : yield* callAll(spec, toolCalls);
    if (turn.graded !== undefined) {
      closed = true;
      return { ...turn.graded, observation: [], status: "terminated" };
    }
    const feedback = { parts: turn.parts, leakage: "none" as const };
    if (turns < limits.maxTurns) {
      return {
        observation: fitted(turn.messages, limits.maxObservationChars),
        status: "running",
        reward: 0,
        ...(turn.parts.length === 0 ? {} : { feedback }),
        parse: turn.parse,
      };
    }
    closed = true;
    const { feedback: said, ...graded } = spec.unfinished;
    const over: FeedbackPart = {
      kind: "constraint",
      text: `The task was not ended within ${limits.maxTurns} turns.`,
    };
    return {
      ...graded,
      feedback: {
        parts: [...turn.parts, over, ...(said?.parts ?? [])],
        leakage: said?.leakage ?? "none",
      },
      parse: "no_answer",
      observation: [],
      status: "truncated",
    };
  });
  return {
    initial: spec.initial,
    tools: Object.entries(spec.tools).map(([name, { description, parameters }]) => ({
      name,
      description,
      parameters,
    })),
    step,
  };
};
