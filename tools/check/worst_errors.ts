/** How far each result of a backend is from the interpreter's. */
import { Compute, type HostArray } from "@resd/core";
import { interpret, type Values } from "@resd/tensor";
import type { BatteryCase } from "@resd/testing";
import { Effect } from "effect";

/** One output of one graph. */
export interface OutputError {
  readonly graph: string;
  readonly output: string;
  /** The largest difference, relative to the largest magnitude of the output or 1. */
  readonly error: number;
}

/** 0 for the same values; NaN where one is not finite and the other is. */
export const errorOf = (got: HostArray, wanted: Values): number => {
  let scale = 1;
  let worst = 0;
  for (const value of wanted) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  for (let i = 0; i < wanted.length; i++) {
    if (!Object.is(got[i], wanted[i])) worst = Math.max(worst, Math.abs(got[i]! - wanted[i]!));
  }
  return worst / scale;
};

/** The errors of all outputs of a graph. */
export const outputErrors = Effect.fnUntraced(function* ({ name, graph, inputs }: BatteryCase) {
  const compute = yield* Compute;
  const program = yield* compute.compile(graph);
  const read = graph.outputs.map((output) => output.name);
  const { values } = yield* program.run(inputs, { read });
  const wanted = interpret(graph, inputs);
  return read.map((output): OutputError => ({
    graph: name,
    output,
    error: errorOf(values[output]!, wanted[output]!),
  }));
});
