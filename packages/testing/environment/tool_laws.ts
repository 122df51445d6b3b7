/** Laws of tools: a call that makes no sense is an observation, not an exception. */
import type { Action, Episode, TaskRow } from "@resd/core";
import { Effect } from "effect";
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
            /^[A-Za-z0-9_-]{1,64}$/.test(name) && parameters.type === "object",
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
    "an unknown tool, and arguments that do not fit, are answered with an observation",
    onOpen(bench, (episode, row) =>
      Effect.gen(function* () {
        if (episode.tools === undefined || episode.tools.length === 0) return;
        const [first] = episode.tools;
        for (const action of [call("no_such_tool", {}), call(first?.name ?? "", "not an object")]) {
          const result = yield* episode.step(action);
          yield* demand(
            result.observation.length > 0 || result.status !== "running",
            "an observation that says what is wrong",
            result,
            `at ${row.key}: answer with role "tool" and a tool_error part`,
          );
          if (result.status !== "running") return;
        }
      }),
    ),
  ),
];
