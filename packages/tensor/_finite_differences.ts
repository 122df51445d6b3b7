/** Gradients checked against central differences in f64; for tests. */
import { mul } from "./elementwise.ts";
import { gradient } from "./gradient.ts";
import { graph } from "./graph.ts";
import { interpret } from "./interpret.ts";
import { sum } from "./reductions.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { input } from "./sources.ts";
import type { Tensor } from "./tensor.ts";

/** A seeded stream of numbers in [0,1): a counter, mixed (splitmix32). */
export const uniforms = (seed: number): (() => number) => {
  let state = Math.imul(seed + 1, 0x9e3779b9);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
};

/** Numbers in [low, high), as many as the shape has elements. */
export const randomData = (
  shape: Shape,
  random: () => number,
  [low, high]: readonly [number, number] = [-1, 1],
): Float64Array =>
  Float64Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random());

export interface DifferenceOptions {
  readonly seed?: number;
  /** Where the values of the inputs lie; [-1, 1) by default. */
  readonly range?: readonly [number, number];
  /** Inputs that are given, and not differentiated: ids, masks. */
  readonly fixed?: Readonly<Record<string, ArrayLike<number>>>;
}

/**
 * The greatest difference between `gradient` and central differences over all inputs, relative to the greatest
 * gradient of that input. The loss is the sum of the output times random weights, so that no error cancels.
 */
export const worstDifference = (
  shapes: Readonly<Record<string, Shape>>,
  build: (inputs: Readonly<Record<string, Tensor>>) => Tensor,
  { seed = 0, range = [-1, 1], fixed = {} }: DifferenceOptions = {},
): number => {
  const random = uniforms(seed);
  const names = Object.keys(shapes);
  const tensors = Object.fromEntries(names.map((name) => [name, input(name, shapes[name]!)]));
  const output = build(tensors);
  const loss = sum(mul(output, input("output weights", output.shape)));
  const gradients = gradient(
    loss,
    names.map((name) => tensors[name]!),
  );
  const data: Record<string, ArrayLike<number>> = {
    ...fixed,
    "output weights": randomData(output.shape, random, [0.5, 1.5]),
  };
  for (const name of names) data[name] = randomData(shapes[name]!, random, range);
  const given = interpret(
    graph(Object.fromEntries(names.map((name, index) => [name, gradients[index]!]))),
    data,
  );
  const forward = graph({ loss });
  const lossAt = (): number => interpret(forward, data).loss![0]!;

  let worst = 0;
  for (const name of names) {
    const values = data[name] as Float64Array;
    const expected = values.map((value, index) => {
      const step = 1e-5 * Math.max(1, Math.abs(value));
      values[index] = value + step;
      const above = lossAt();
      values[index] = value - step;
      const below = lossAt();
      values[index] = value;
      return (above - below) / (2 * step);
    });
    const scale = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3);
    expected.forEach((value, index) => {
      const difference = Math.abs(value - given[name]![index]!) / scale;
      // A NaN must not pass as small.
      worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
    });
  }
  return worst;
};
