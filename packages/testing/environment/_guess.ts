/** An environment of several turns with a tool: a number is guessed by comparing it. */
import {
  type Action,
  EnvironmentTaskError,
  EpisodeClosedError,
  type EnvironmentShape,
  type Manifest,
  type Message,
  type StepResult,
  type ToolSpec,
  defineEnvironment,
  quote,
} from "@resd/core";
import { Effect, Schema } from "effect";

const manifest: Manifest = {
  apiVersion: "resd/1",
  id: "guess",
  turns: "multi",
  reward: { min: 0, max: 1 },
  determinism: "pure",
  splits: { train: { size: 20, license: "CC0-1.0" } },
  feedback: { tests: false, leakage: "none", maxChars: 300 },
  needs: [],
  gold: true,
};

export const guessTool: ToolSpec = {
  name: "guess",
  description: "Compares your number with the one that is wanted.",
  parameters: { type: "object", properties: { number: { type: "string" } } },
};

/** What a defect may replace. */
export interface GuessParts {
  readonly tools: ReadonlyArray<ToolSpec>;
  /** Whether `limits.maxTurns` ends an episode. */
  readonly obedient: boolean;
  /** What is said of a call that makes no sense; none fails the step with a defect. */
  readonly complaint: ((call: string) => string) | undefined;
  readonly quoted: number;
  readonly gradeGroup: EnvironmentShape<number>["gradeGroup"];
  readonly reflect: EnvironmentShape<number>["reflect"];
}

const sound: GuessParts = {
  tools: [guessTool],
  obedient: true,
  complaint: (call) => `Expected a call of guess with a number, got ${call}.`,
  quoted: 40,
  gradeGroup: (last) => Effect.succeed(last.map(() => 0)),
  reflect: () => ({ text: "Halve the range with every guess.", tags: [], parse: "ok" }),
};

const said = (content: string): ReadonlyArray<Message> => [{ role: "tool", content }];

const step = (wanted: number, { complaint, quoted }: GuessParts, action: Action): StepResult => {
  const call = action.toolCalls?.[0];
  const args = call?.arguments;
  const given = typeof args === "object" && args !== null ? Reflect.get(args, "number") : undefined;
  if (call?.name !== "guess" || typeof given !== "string" || !/^\d{1,4}$/.test(given)) {
    if (complaint === undefined) throw new TypeError("no number");
    const text = complaint(quote(`${call?.name} ${String(given)}`, quoted));
    return {
      observation: said(text),
      status: "running",
      reward: 0,
      parse: "malformed",
      feedback: {
        parts: [{ kind: action.stop === "max_tokens" ? "truncated" : "tool_error", text }],
        leakage: "none",
      },
    };
  }
  if (Number(given) === wanted) {
    return { observation: [], status: "terminated", reward: 1, success: true, parse: "ok" };
  }
  const text = Number(given) < wanted ? "More." : "Less.";
  return {
    observation: said(text),
    status: "running",
    reward: 0,
    parse: "ok",
    feedback: { parts: [{ kind: "wrong_answer", text }], leakage: "none" },
  };
};

/** The environment, with some of its parts replaced. */
export const guess = (change: Partial<GuessParts> = {}) => {
  const parts = { ...sound, ...change };
  const { gradeGroup, reflect } = parts;
  return defineEnvironment({
    manifest,
    options: Schema.Struct({}),
    task: Schema.Int,
    make: () =>
      Effect.succeed<EnvironmentShape<number>>({
        tasks: (split) => ({
          size: split === "train" ? 20 : 0,
          get: (index) =>
            split === "train" && Number.isInteger(index) && index >= 0 && index < 20
              ? Effect.succeed({
                  key: `guess/${index}`,
                  task: 1000 + 37 * index,
                  problem: `Guess number ${index}.`,
                  gold: {
                    content: "",
                    toolCalls: [
                      { id: "1", name: "guess", arguments: { number: String(1000 + 37 * index) } },
                    ],
                    stop: "eos",
                  },
                })
              : Effect.fail(new EnvironmentTaskError({ message: "no task", taskKey: split })),
        }),
        open: (row, { episodeId, limits }) =>
          Effect.sync(() => {
            let turns = 0;
            let closed = false;
            return {
              initial: [{ role: "user", content: row.problem }],
              tools: parts.tools,
              step: (action) =>
                Effect.suspend(() => {
                  if (closed) {
                    return Effect.fail(new EpisodeClosedError({ message: "over", episodeId }));
                  }
                  const result = step(row.task, parts, action);
                  turns++;
                  const late = parts.obedient && turns >= limits.maxTurns;
                  closed = result.status !== "running" || late;
                  return Effect.succeed<StepResult>(
                    closed && result.status === "running"
                      ? { ...result, status: "truncated" }
                      : result,
                  );
                }),
            };
          }),
        ...(gradeGroup === undefined ? {} : { gradeGroup }),
        ...(reflect === undefined ? {} : { reflect }),
      }),
  });
};
