/** Laws of tools: a call that makes no sense is an observation, not an exception. */
import { type Action, type Episode, type TaskRow, isSuccess } from "@resd/core";
import { Effect, Exit } from "effect";
import { demand, type Law, law } from "../law.ts";
import { type Bench, contextOf, sampleRows } from "./bench.ts";

/** Opens an episode on every sampled task and looks at it. */
const onOpen = <R, E>(
  bench: Bench<R>,
  look: (episode: Episode, row: TaskRow<unknown>) => Effect.Effect<unknown, E>,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const environment = yield* bench.build;
      for (const row of yield* sampleRows(bench, environment)) {
        yield* Effect.scoped(
          Effect.flatMap(environment.open(row, contextOf(bench, row)), (episode) =>
            look(episode, row),
          ),
        );
      }
    }),
  );

const call = (name: string, args: unknown): Action => ({
  content: "",
  toolCalls: [{ id: "call-1", name, arguments: args }],
  stop: "eos",
});

/** Arguments that no tool asks for. */
const MISFITS: ReadonlyArray<unknown> = [
  "not an object",
  null,
  [],
  42,
  { "an argument that no tool has": { deeply: ["nested"] } },
  JSON.parse('{"__proto__": {"polluted": 1}}'),
];

/** What a tool says goes into the conversation: it has to have room there. */
const ROOM = 500;
const LONG = "0123456789 ".repeat(20_000);

/** The text properties of a tool's parameters, each with a long text. */
const longArguments = (parameters: Readonly<Record<string, unknown>>): unknown => {
  const properties = parameters["properties"];
  const names = typeof properties === "object" && properties !== null ? properties : {};
  return Object.fromEntries(Object.keys(names).map((name) => [name, LONG]));
};

export const toolLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => [
  law(
    "environment.tools.valid",
    "tools have unique names that models can write, and JSON Schemas of objects as parameters",
    onOpen(bench, ({ tools = [] }, row) => {
      const names = tools.map(({ name }) => name);
      const valid =
        new Set(names).size === names.length &&
        tools.every(
          ({ name, parameters }) =>
            /^[A-Za-z0-9_-]{1,64}$/.test(name) && parameters["type"] === "object",
        );
      return demand(
        valid,
        'unique names of [A-Za-z0-9_-], parameters of type "object"',
        tools,
        `at ${row.key}`,
      );
    }),
  ),
  law(
    "environment.tools.refused",
    "an unknown tool, and arguments that do not fit, are answered with an observation and no success",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        for (const row of yield* sampleRows(bench, environment)) {
          const context = contextOf(bench, row);
          const tools = yield* Effect.scoped(
            Effect.map(environment.open(row, context), (episode) => episode.tools ?? []),
          );
          const calls = [
            call("no_such_tool", {}),
            ...tools.flatMap(({ name }) => MISFITS.map((misfit) => call(name, misfit))),
          ];
          for (const action of tools.length === 0 ? [] : calls) {
            const result = yield* Effect.scoped(
              Effect.flatMap(environment.open(row, context), (episode) => episode.step(action)),
            );
            yield* demand(
              (result.observation.length > 0 || result.status !== "running") && !isSuccess(result),
              "an observation that says what is wrong, or an end without success",
              { call: action.toolCalls, result },
              `at ${row.key}: answer with role "tool" and a tool_error part`,
            );
          }
        }
      }),
    ),
  ),
  law(
    "environment.tools.bounded",
    "what a step adds to the conversation is no longer than its limit",
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        for (const row of yield* sampleRows(bench, environment)) {
          const context = contextOf(bench, row, { limits: { maxObservationChars: ROOM } });
          const tools = yield* Effect.scoped(
            Effect.map(environment.open(row, context), ({ tools: offered }) => offered ?? []),
          );
          for (const action of [
            { content: LONG, stop: "eos" } as const,
            call(LONG, {}),
            ...tools.map(({ name, parameters }) => call(name, longArguments(parameters))),
          ]) {
            const stepped = yield* Effect.exit(
              Effect.scoped(
                Effect.flatMap(environment.open(row, context), (episode) => episode.step(action)),
              ),
            );
            if (Exit.isFailure(stepped)) continue; // a matter of environment.tools.refused
            const length = stepped.value.observation.reduce(
              (sum, { content }) => sum + content.length,
              0,
            );
            yield* demand(
              length <= ROOM,
              `at most ${ROOM} characters`,
              length,
              `at ${row.key}: cut what is quoted at limits.maxObservationChars`,
            );
          }
        }
      }),
    ),
  ),
];
