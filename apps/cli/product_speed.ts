/** How fast a backend multiplies matrices, which nearly all of a run's time goes to. */
import { Compute } from "@resd/core";
import { Duration, Effect } from "effect";

const REPEATS = 5;

/**
 * Arithmetic operations a second of an f32 product of a square matrix, and of as many rows unless fewer are asked for, by
 * the fastest of a few runs. One element of
 * it is read back each time, so that work which only has been handed over does not count as done.
 */
export const productSpeed = Effect.fnUntraced(function* (size: number, rows = size) {
  const compute = yield* Compute;
  const { graph, input, matMul, slice } = yield* Effect.promise(() => import("@resd/tensor"));
  const shape = [size, size];
  const product = matMul(input("a", [rows, size]), input("b", shape));
  const corner = slice(product, [0, 0], [1, 1]);
  const program = yield* compute.compile(graph({ product, corner }, { name: "product speed" }));
  const data = Float32Array.from({ length: size * size }, (_, i) => ((i % 7) - 3) / 8);
  const a = yield* compute.put(data.subarray(0, rows * size), [rows, size]);
  const b = yield* compute.put(data, shape);
  const times: Array<number> = [];
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const [taken, { arrays }] = yield* Effect.timed(program.run({ a, b }, { read: ["corner"] }));
    yield* compute.release(Object.values(arrays));
    times.push(Duration.toSeconds(taken));
  }
  yield* compute.release([a, b]);
  const fastest = Math.min(...times.slice(1)); // the first run loads
  return (2 * rows * size ** 2) / fastest;
});

/** `1.4 GFLOP/s at a 512³ product`. */
export const shownSpeed = (operations: number, size: number): string => {
  const [amount, unit] = operations >= 1e12 ? [operations / 1e12, "T"] : [operations / 1e9, "G"];
  return `${amount >= 100 ? amount.toFixed(0) : amount.toPrecision(2)} ${unit}FLOP/s at a ${size}³ product`;
};
