/** Gradient accumulation: an exact sum over micro-batches, in place. */
import type { Arr, ComputeError } from "@resd/core";
import { axpy, graph, input, sumSquares, type Tensor } from "@resd/tensor";
import { Effect } from "effect";
import type { Arrays, ArraySpec } from "./arrays.ts";
import { globalNorm, normNames } from "./optim/clip.ts";
import type { Programs } from "./programs.ts";

const ONE = Float32Array.of(1);

/** total + gradients; spends both. */
export const addGradients = Effect.fnUntraced(function* (
  programs: Programs,
  specs: ReadonlyArray<ArraySpec>,
  total: Arrays,
  gradients: Arrays,
): Effect.fn.Return<Arrays, ComputeError> {
  const program = yield* programs.get("accumulate", () => {
    const one = input("one", [1]);
    const outputs: Record<string, Tensor> = {};
    for (const { name, shape } of specs) {
      outputs[name] = axpy(input(`a/${name}`, shape), input(`b/${name}`, shape), one);
    }
    const donate = specs.flatMap(({ name }) => [`a/${name}`, `b/${name}`]);
    return { graph: graph(outputs, { name: "accumulate" }), options: { donate } };
  });
  const inputs: Record<string, Arr | Float32Array> = { one: ONE };
  for (const { name } of specs) {
    inputs[`a/${name}`] = total[name] as Arr;
    inputs[`b/${name}`] = gradients[name] as Arr;
  }
  return (yield* program.run(inputs)).arrays;
});

/** ‖·‖₂ over all arrays. */
export const normOf = Effect.fnUntraced(function* (
  programs: Programs,
  specs: ReadonlyArray<ArraySpec>,
  arrays: Arrays,
): Effect.fn.Return<number, ComputeError> {
  const program = yield* programs.get("norm", () => {
    const outputs: Record<string, Tensor> = {};
    for (const { name, shape } of specs) outputs[`norm/${name}`] = sumSquares(input(name, shape));
    return { graph: graph(outputs, { name: "norm" }) };
  });
  const names = normNames(specs);
  const { values } = yield* program.run(arrays, { read: names });
  return globalNorm(values, names);
});
