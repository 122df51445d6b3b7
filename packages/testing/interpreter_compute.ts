/**
 * The interpreter of @resd/tensor as a Compute backend: the oracle for tests of everything above the seam. It is
 * stricter than a backend has to be: shapes and dtypes must agree exactly, and a handle that was released or donated
 * is refused with the name of what spent it.
 */
import {
  type Arr,
  Compute,
  ComputeError,
  type ComputeShape,
  type DType,
  type HostArray,
  type Program,
} from "@resd/core";
import { decodeF16, encodeF16 } from "@resd/safetensors";
import { type Graph, interpret, sizeOf, type Values } from "@resd/tensor";
import { Effect, Layer } from "effect";

/** How exact the backend is to be. */
export interface InterpreterComputeOptions {
  /** f64 (the default) keeps full precision between runs and rounds only what is read; f32 rounds every operation. */
  readonly precision?: "f64" | "f32";
}

/** The backend with a view into it, for tests that look for leaks. */
export interface InterpreterCompute extends ComputeShape {
  readonly liveArrays: () => number;
  /** Numbers in all of them. */
  readonly liveElements: () => number;
}

/** What a handle names, or why it names nothing any more. */
type Slot = { readonly values: Values } | { readonly spentBy: string };

/** Handles of one backend are unknown to every other. */
let nextId = 1;

const typeOf = (dtype: DType, shape: ReadonlyArray<number>): string =>
  `${dtype} [${shape.join(", ")}]`;

const dtypeOf = (data: HostArray): DType => {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Int32Array) return "i32";
  return data instanceof Uint8Array ? "bool" : "f16";
};

/** Host data as the interpreter reads it: f16 bits become numbers. */
const toValues = (data: HostArray): Values => {
  if (!(data instanceof Uint16Array)) {
    return data instanceof Float32Array ? Float64Array.from(data) : Int32Array.from(data);
  }
  const widened = new Float32Array(data.length);
  decodeF16(data, widened);
  return Float64Array.from(widened);
};

const toHost = (values: Values, dtype: DType): HostArray => {
  switch (dtype) {
    case "f32":
      return Float32Array.from(values);
    case "i32":
      return Int32Array.from(values);
    case "bool":
      return Uint8Array.from(values);
    case "f16":
      return encodeF16(Float32Array.from(values));
  }
};

/** Copies, so that neither side sees the other's later writes. */
const copyOf = (values: Values): Values => values.slice();

const refuse = (op: string, message: string): Effect.Effect<never, ComputeError> =>
  Effect.fail(new ComputeError({ op, message }));

/** A fresh backend without any array. */
export const makeInterpreterCompute = (
  options: InterpreterComputeOptions = {},
): InterpreterCompute => {
  const slots = new Map<number, Slot>();
  const precision = options.precision ?? "f64";

  const store = (values: Values, shape: ReadonlyArray<number>, dtype: DType): Arr => {
    const id = nextId++;
    slots.set(id, { values });
    return { id, shape: [...shape], dtype };
  };

  const live = (op: string, array: Arr): Effect.Effect<Values, ComputeError> => {
    const slot = slots.get(array.id);
    const name = `array ${array.id}, ${typeOf(array.dtype, array.shape)}`;
    if (slot === undefined) {
      return refuse(op, `Expected a handle of this backend, got ${name}, at ${op}`);
    }
    return "values" in slot
      ? Effect.succeed(slot.values)
      : refuse(
          op,
          `Expected a live handle, got ${name}, which ${slot.spentBy}, at ${op}; use the output that took its place`,
        );
  };

  const put: ComputeShape["put"] = (data, shape, dtype = dtypeOf(data)) => {
    if (dtype !== dtypeOf(data)) {
      return refuse(
        "put",
        `Expected host data of ${dtype}, got a ${data.constructor.name} (${dtypeOf(data)}), at put`,
      );
    }
    return data.length === sizeOf(shape)
      ? Effect.sync(() => store(toValues(data), shape, dtype))
      : refuse(
          "put",
          `Expected ${sizeOf(shape)} values for ${typeOf(dtype, shape)}, got ${data.length}, at put`,
        );
  };

  /** The values of one input, and the handle it came by. */
  const bind = Effect.fnUntraced(function* (
    graph: Graph,
    { name, shape, dtype }: Graph["inputs"][number],
    given: Arr | HostArray | undefined,
  ): Effect.fn.Return<Values, ComputeError> {
    const where = `input ${name} of ${graph.name}`;
    if (given === undefined) {
      return yield* refuse(
        graph.name,
        `Expected ${typeOf(dtype, shape)}, got nothing, at ${where}`,
      );
    }
    const [type, size] = ArrayBuffer.isView(given)
      ? [dtypeOf(given), [given.length]]
      : [given.dtype, given.shape];
    const fits = ArrayBuffer.isView(given)
      ? given.length === sizeOf(shape)
      : size.join() === shape.join();
    if (type !== dtype || !fits) {
      return yield* refuse(
        graph.name,
        `Expected ${typeOf(dtype, shape)}, got ${typeOf(type, size)}, at ${where}`,
      );
    }
    return ArrayBuffer.isView(given) ? toValues(given) : yield* live(where, given);
  });

  const run = Effect.fnUntraced(function* (
    graph: Graph,
    donate: ReadonlyArray<string>,
    inputs: Readonly<Record<string, Arr | HostArray>>,
    read: ReadonlyArray<string>,
  ) {
    const outputs = new Map(graph.outputs.map(({ name, tensor }) => [name, tensor]));
    const missing = read.find((name) => !outputs.has(name));
    if (missing !== undefined) {
      return yield* refuse(
        graph.name,
        `Expected outputs among ${[...outputs.keys()].join(", ")} to read, got ${missing}, at ${graph.name}`,
      );
    }
    const bound: Record<string, Values> = {};
    const uses = new Map<number, Array<string>>();
    for (const info of graph.inputs) {
      const given = inputs[info.name];
      bound[info.name] = yield* bind(graph, info, given);
      if (given === undefined || ArrayBuffer.isView(given)) continue;
      uses.set(given.id, [...(uses.get(given.id) ?? []), info.name]);
    }
    const spent: Array<number> = [];
    for (const [id, names] of uses) {
      if (!names.some((name) => donate.includes(name))) continue;
      if (names.length > 1) {
        return yield* refuse(
          graph.name,
          `Expected a donated array under one name, got array ${id} as ${names.join(" and ")}, at ${graph.name}; copy it or do not donate it`,
        );
      }
      spent.push(id);
    }
    const results = yield* Effect.try({
      try: () => interpret(graph, bound, { precision }),
      catch: (cause) =>
        new ComputeError({
          op: graph.name,
          message: cause instanceof Error ? cause.message : String(cause),
        }),
    });
    for (const id of spent) slots.set(id, { spentBy: `was donated to ${graph.name}` });
    const arrays: Record<string, Arr> = {};
    const values: Record<string, HostArray> = {};
    for (const [name, { shape, dtype }] of outputs) {
      const result = results[name]!;
      if (read.includes(name)) values[name] = toHost(result, dtype);
      else arrays[name] = store(copyOf(result), shape, dtype);
    }
    return { arrays, values };
  });

  const compile: ComputeShape["compile"] = (graph, { donate = [], constant = [] } = {}) => {
    const names = graph.inputs.map(({ name }) => name);
    const unknown = [...donate, ...constant].find((name) => !names.includes(name));
    if (unknown !== undefined) {
      return refuse(
        graph.name,
        `Expected donated and constant inputs among ${names.join(", ")}, got ${unknown}, at ${graph.name}`,
      );
    }
    const bytes = graph.nodes.reduce(
      (sum, node) => sum + node.outputs.reduce((all, { shape }) => all + 8 * sizeOf(shape), 0),
      0,
    );
    return Effect.succeed<Program>({
      name: graph.name,
      run: (inputs, { read = [] } = {}) => run(graph, donate, inputs, read),
      bytes: { persistent: 0, peak: bytes }, // nothing is reused, so the peak is everything
    });
  };

  return {
    info: {
      name: "interpreter",
      software: true,
      dtypes: ["f32", "f16", "i32", "bool"],
      maxBinding: Number.MAX_SAFE_INTEGER,
      maxBuffer: Number.MAX_SAFE_INTEGER,
      threads: 1,
      deterministic: true,
    },
    put,
    get: (array) => Effect.map(live("get", array), (values) => toHost(values, array.dtype)),
    release: (arrays) =>
      Effect.forEach(
        arrays,
        (array) =>
          Effect.map(live("release", array), () => {
            slots.set(array.id, { spentBy: "was released" });
          }),
        { discard: true },
      ),
    compile,
    liveArrays: () => [...slots.values()].filter((slot) => "values" in slot).length,
    liveElements: () =>
      [...slots.values()].reduce(
        (sum, slot) => sum + ("values" in slot ? slot.values.length : 0),
        0,
      ),
  };
};

/** The interpreter as the Compute of a test, in f64. */
export const interpreterCompute: Layer.Layer<Compute> = Layer.sync(Compute, () =>
  makeInterpreterCompute(),
);
