/** Laws of programs: every graph of the battery gives what the interpreter gives, however it is run. */
import { Compute } from "@resd/core";
import { interpret } from "@resd/tensor";
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import type { BatteryCase } from "./battery.ts";
import { demandClose } from "./compare.ts";
import { passCases, primitiveCases } from "./composed_cases.ts";
import { elementwiseCases, indexingCases, linearCases, shapeCases } from "./elementary_cases.ts";
import { lossCases } from "./loss_cases.ts";

/** Everything in the battery. */
export const battery = (): ReadonlyArray<BatteryCase> => [
  ...elementwiseCases(),
  ...shapeCases(),
  ...linearCases(),
  ...indexingCases(),
  ...primitiveCases(),
  ...passCases(),
  ...lossCases(),
];

/** Runs that must agree to the bit where the backend says it is deterministic: a race shows in some of them. */
const REPEATS = 20;

/** The law that a graph gives what the interpreter gives. */
export const agreement = ({ name, graph, inputs }: BatteryCase, tolerance: number): Law<Compute> =>
  law(
    `compute.graph.${name}`,
    `the graph ${name} gives what the interpreter gives in double precision`,
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(graph);
      const read = graph.outputs.map((output) => output.name);
      const { values } = yield* program.run(inputs, { read });
      const wanted = interpret(graph, inputs);
      for (const output of read) {
        yield* demandClose(
          values[output],
          wanted[output] ?? new Float64Array(0),
          tolerance,
          `output ${output} of ${name}`,
        );
      }
    }),
  );

export const graphLaws = (tolerance: number): ReadonlyArray<Law<Compute>> => {
  const cases = battery();
  const named = (name: string): BatteryCase =>
    cases.find((one) => one.name === name) as BatteryCase;
  return [
    ...cases.map((one) => agreement(one, tolerance)),
    ...["scatter-rows-crowded", "decoder-backward"].map((name) =>
      law(
        `compute.deterministic.${name}`,
        `${name} gives the same bits every time, if the backend says that it is deterministic`,
        Effect.gen(function* () {
          const compute = yield* Compute;
          if (!compute.info.deterministic) return;
          const { graph, inputs } = named(name);
          const program = yield* compute.compile(graph);
          const read = graph.outputs.map((output) => output.name);
          const first = yield* program.run(inputs, { read });
          for (let i = 1; i < REPEATS; i++) {
            const { values } = yield* program.run(inputs, { read });
            for (const output of read) {
              const a = values[output] ?? [];
              const b = first.values[output] ?? [];
              const same = a.length === b.length && a.every((x, at) => Object.is(x, b[at]));
              yield* demand(
                same,
                "the bits of the first run",
                `others in run ${i}`,
                `at output ${output}: work is split in a way that depends on timing`,
              );
            }
          }
        }),
      ),
    ),
    law(
      "compute.non-finite.seen",
      "a NaN or an infinity among gradients reaches their sum of squares",
      Effect.gen(function* () {
        const compute = yield* Compute;
        const { graph, inputs } = named("lerp-axpy-sum-squares");
        const program = yield* compute.compile(graph);
        for (const bad of [Number.NaN, Infinity, -Infinity, 1e30]) {
          const a = Float32Array.from(inputs.a ?? []);
          a[17] = bad;
          const { values } = yield* program.run({ ...inputs, a }, { read: ["squares"] });
          yield* demand(
            !Number.isFinite(values.squares?.[0]),
            "a sum of squares that is not finite",
            values.squares?.[0],
            `with ${bad} among the elements: skipping bad updates depends on it`,
          );
        }
      }),
    ),
  ];
};
