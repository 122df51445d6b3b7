/** Graphs with seeded inputs that every backend must compute as the interpreter does. */
import { makeRandom, type Random } from "@resd/core";
import { type Graph, gradient, graph, input, sizeOf, type Tensor } from "@resd/tensor";

export type BatteryInputs = Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>;

/** One graph and what to feed it. */
export interface BatteryCase {
  /** Kebab-case; the law is `compute.graph.<name>`. */
  readonly name: string;
  readonly graph: Graph;
  readonly inputs: BatteryInputs;
}

/** Declares inputs and draws their data in one go. */
export class Given {
  readonly random: Random;
  readonly data: Record<string, Float32Array | Int32Array | Uint8Array> = {};

  constructor(name: string) {
    this.random = makeRandom("compute-law", name);
  }

  /** Standard normal, or what `draw` gives for each element's index. */
  f32(
    name: string,
    shape: ReadonlyArray<number>,
    draw: (index: number) => number = () => this.random.normal(),
  ): Tensor {
    this.data[name] = Float32Array.from({ length: sizeOf(shape) }, (_, index) => draw(index));
    return input(name, shape);
  }

  /** Uniform below `bound`, or given. */
  i32(name: string, shape: ReadonlyArray<number>, values: number | ReadonlyArray<number>): Tensor {
    this.data[name] =
      typeof values === "number"
        ? Int32Array.from({ length: sizeOf(shape) }, () => this.random.int(values))
        : Int32Array.from(values);
    return input(name, shape, "i32");
  }

  bool(name: string, shape: ReadonlyArray<number>): Tensor {
    this.data[name] = Uint8Array.from({ length: sizeOf(shape) }, () => this.random.int(2));
    return input(name, shape, "bool");
  }
}

/** A case from a function that declares its inputs and gives its outputs. */
export const batteryCase = (
  name: string,
  build: (given: Given) => Readonly<Record<string, Tensor>>,
): BatteryCase => {
  const given = new Given(name);
  const outputs = build(given);
  return { name, graph: graph(outputs, { name: `law/${name}` }), inputs: given.data };
};

/** The outputs together with their gradients by `wrt`, under random weights. */
export const withGradients = (
  given: Given,
  outputs: Readonly<Record<string, Tensor>>,
  wrt: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> => {
  const all: Record<string, Tensor> = { ...outputs };
  const total = Object.entries(outputs).map(([name, tensor]) =>
    gradient(tensor, Object.values(wrt), given.f32(`weight of ${name}`, tensor.shape)),
  );
  Object.keys(wrt).forEach((name, i) => {
    total.forEach((gradients, o) => {
      all[`gradient of ${Object.keys(outputs)[o]} by ${name}`] = gradients[i] as Tensor;
    });
  });
  return all;
};
