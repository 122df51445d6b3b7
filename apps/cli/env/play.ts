/** `resd env play`: a person answers, and sees what a policy, its reflector and its teacher would see. */
import { createInterface } from "node:readline/promises";
import {
  type Action,
  Environment,
  type Episode,
  type Message,
  type StepResult,
  type TaskRow,
  type ToolCall,
  hashSeed,
  isSuccess,
  renderFeedback,
} from "@resd/core";
import type { Override } from "@resd/run";
import { Console, Duration, Effect, Schema } from "effect";
import { hostLayer } from "../host.ts";
import { type Ink, inkFor } from "../ink.ts";
import { loadEnvironment } from "./load.ts";

export interface PlayInput {
  readonly use: string;
  readonly split: string;
  readonly task: number;
  /** Answers of successive turns; asked for on the terminal when there are none. */
  readonly answers: ReadonlyArray<string>;
  /** Play the gold action. */
  readonly gold: boolean;
  readonly json: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

/** What cannot be played: no gold action, a call that is no JSON. */
export class PlayError extends Schema.TaggedError<PlayError>()("PlayError", {
  message: Schema.String,
}) {}

const LIMITS = {
  maxTurns: 32,
  stepTimeout: Duration.seconds(60),
  maxObservationChars: 20_000,
};
const RENDERING = { maxCases: 10, maxChars: 20_000 };

const HOW =
  "Write an answer; an empty line sends it. /gold plays the answer that is known to be right, /quit ends.";
const HOW_TOOLS = 'A tool is called by /name {"argument": "value"} on a line of its own.';

/** What is on a terminal, or in a pipe. */
const openTerminal = Effect.acquireRelease(
  Effect.sync(() => createInterface({ input: process.stdin, crlfDelay: Infinity })),
  (terminal) => Effect.sync(() => terminal.close()),
);

/** Lines until an empty one or the end of the input; undefined where there is nothing at all. */
const readAnswer = (lines: AsyncIterator<string>) =>
  Effect.promise(async () => {
    const said: Array<string> = [];
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) return said.length === 0 ? undefined : said.join("\n");
      if (value.trim() === "" && said.length > 0) return said.join("\n");
      if (value.trim() !== "" || said.length > 0) said.push(value);
      if (said.length === 1 && value.startsWith("/")) return value;
    }
  });

const CALL = /^\/([A-Za-z0-9_-]+)\s*([^]*)$/;

/** What a person wrote, as an action: text, or a call of one of the tools. */
export const actionOf = (
  said: string,
  tools: ReadonlyArray<{ readonly name: string }>,
): Effect.Effect<Action, PlayError> => {
  const [, name = "", args = ""] = CALL.exec(said) ?? [];
  if (!tools.some((tool) => tool.name === name)) {
    return Effect.succeed({ content: said, stop: "eos" });
  }
  return Effect.try({
    try: (): Action => {
      const call: ToolCall = { id: "by-hand", name, arguments: JSON.parse(args || "{}") };
      return { content: "", toolCalls: [call], stop: "eos" };
    },
    catch: () =>
      new PlayError({
        message: `Expected the arguments of ${name} as JSON, got ${args}; write /${name} {"…": "…"}`,
      }),
  });
};

const shownMessage = ({ role, content }: Message, ink: Ink): string =>
  `${ink("bold", role)}\n${content}`;

const shownResult = (result: StepResult, ink: Ink): string => {
  const over = result.status !== "running";
  const verdict = isSuccess(result) ? ink("green", "solved") : ink("red", "not solved");
  const feedback = renderFeedback(result, RENDERING);
  return [
    ...result.observation.map((message) => shownMessage(message, ink)),
    ...(over
      ? [`${verdict}  reward ${result.reward}, ${result.status}, answer ${result.parse}`]
      : result.reward === 0
        ? []
        : [`reward ${result.reward}`]),
    ...(feedback === "" ? [] : [ink("dim", "what a reflector reads:"), feedback]),
    ...(Object.keys(result.metrics ?? {}).length === 0
      ? []
      : [ink("dim", `metrics ${JSON.stringify(result.metrics)}`)]),
  ].join("\n");
};

/** Where the next action comes from; undefined when there is none. */
type NextAction = Effect.Effect<Action | undefined, PlayError>;

/** Plays one episode to its end, or until there is nothing more to say. */
const playEpisode = Effect.fnUntraced(function* (
  episode: Episode,
  next: NextAction,
  say: (text: string) => Effect.Effect<void>,
  ink: Ink,
) {
  const actions: Array<Action> = [];
  const results: Array<StepResult> = [];
  for (;;) {
    const action = yield* next;
    if (action === undefined) break;
    const result = yield* episode.step(action);
    actions.push(action);
    results.push(result);
    yield* say(shownResult(result, ink));
    if (result.status !== "running") break;
  }
  return { actions, results };
});

const goldOf = (row: TaskRow<unknown>): Effect.Effect<Action, PlayError> =>
  row.gold === undefined
    ? Effect.fail(
        new PlayError({
          message: `Expected a task with a gold action, got ${row.key} without one; play it yourself: leave --gold out`,
        }),
      )
    : Effect.succeed(row.gold);

/** Actions that a person types. */
const typed = (
  row: TaskRow<unknown>,
  episode: Episode,
  lines: AsyncIterator<string>,
  say: (text: string) => Effect.Effect<void>,
): NextAction =>
  Effect.gen(function* () {
    for (;;) {
      const said = yield* readAnswer(lines);
      if (said === undefined || said === "/quit") return undefined;
      const action = yield* Effect.result(
        said === "/gold" ? goldOf(row) : actionOf(said, episode.tools ?? []),
      );
      if (action._tag === "Success") return action.success;
      yield* say(action.failure.message);
    }
  });

const listed = (
  row: TaskRow<unknown>,
  episode: Episode,
  { answers, gold }: PlayInput,
): NextAction => {
  const left = [...answers];
  return Effect.suspend((): NextAction => {
    if (gold) return goldOf(row);
    const said = left.shift();
    return said === undefined ? Effect.succeed(undefined) : actionOf(said, episode.tools ?? []);
  });
};

export const play = Effect.fnUntraced(
  function* (input: PlayInput) {
    const ink = inkFor(process.stdout);
    const say = (text: string) => (input.json ? Effect.void : Console.log(text));
    const { plugin, options } = yield* loadEnvironment(input.use, input.overrides);
    const byHand = input.answers.length === 0 && !input.gold;
    const lines = byHand ? (yield* openTerminal)[Symbol.asyncIterator]() : undefined;
    const played = yield* Effect.gen(function* () {
      const environment = yield* Environment;
      const row = yield* environment.tasks(input.split).get(input.task);
      const episode = yield* environment.open(row, {
        episodeId: `by-hand/${row.key}`,
        seed: hashSeed("by-hand", row.key),
        group: { index: 0, size: 1 },
        limits: LIMITS,
      });
      yield* say(ink("dim", row.key));
      for (const message of episode.initial) yield* say(shownMessage(message, ink));
      for (const { name, description, parameters } of episode.tools ?? []) {
        yield* say(`${ink("cyan", `/${name}`)} ${description} ${JSON.stringify(parameters)}`);
      }
      if (byHand) {
        yield* say(ink("dim", [HOW, ...(episode.tools?.length ? [HOW_TOOLS] : [])].join(" ")));
      }
      const next =
        lines === undefined ? listed(row, episode, input) : typed(row, episode, lines, say);
      const { actions, results } = yield* playEpisode(episode, next, say, ink);
      const reward = results.reduce((sum, result) => sum + result.reward, 0);
      if (results.length > 1) yield* say(`reward of the episode: ${reward}`);
      return { task: row.key, initial: episode.initial, actions, results, reward };
    }).pipe(Effect.scoped, Effect.provide(plugin.layer(options)));
    if (input.json) yield* Console.log(JSON.stringify(played));
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
