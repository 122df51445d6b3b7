/** Laws of arrays: handles stay what they are until they are spent, and a spent one is an error. */
import { type Arr, Compute, type ComputeError, type HostArray } from "@resd/core";
import { adamw, add, graph, input, interpret, lerp, mul, sizeOf, sum } from "@resd/tensor";
import { Effect } from "effect";
import { demand, type Law, law, shown } from "../law.ts";
import { demandClose } from "./compare.ts";

const x = input("x", [4]);
const doubled = graph({ y: mul(x, 2) }, { name: "law/doubled" });
// y could be written where x lies; z reads x and y afterwards.
const hazard = graph(
  { y: mul(x, 2), z: sum(mul(x, add(mul(x, 2), 1))), last: add(x, 1) },
  { name: "law/hazard" },
);
const ones = (): Float32Array => Float32Array.of(1, 2, 3, 4);

/** Demands a ComputeError with a message. */
const demandRefusal = <A, R>(effect: Effect.Effect<A, ComputeError, R>, what: string) =>
  Effect.flatMap(Effect.result(effect), (outcome) =>
    demand(
      outcome._tag === "Failure" &&
        outcome.failure._tag === "ComputeError" &&
        outcome.failure.message.length > 0,
      `a ComputeError for ${what}`,
      outcome._tag === "Failure" ? outcome.failure : "a result",
      "check handles, names, shapes and dtypes before the backend's own code sees them",
    ),
  );

const demandValues = (got: HostArray, wanted: ReadonlyArray<number>, hint: string) =>
  demand(
    got.length === wanted.length && wanted.every((value, i) => value === got[i]),
    shown(wanted),
    got,
    hint,
  );

const donationLaws = (tolerance: number): ReadonlyArray<Law<Compute>> => [
  law(
    "compute.donate.results",
    "donating an input changes no result, whatever still has to read it",
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(hazard, { donate: ["x"] });
      for (let i = 0; i < 5; i++) {
        const handle = yield* compute.put(ones(), [4]);
        const { arrays, values } = yield* program.run({ x: handle }, { read: ["z"] });
        const hint = "an output was written over an input that was still needed";
        yield* demandValues(values.z ?? ones(), [70], hint);
        yield* demandValues(yield* compute.get(arrays.y as Arr), [2, 4, 6, 8], hint);
        yield* demandValues(yield* compute.get(arrays.last as Arr), [2, 3, 4, 5], hint);
      }
    }),
  ),
  law(
    "compute.donate.spent",
    "a donated handle is spent by the run",
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(doubled, { donate: ["x"] });
      const handle = yield* compute.put(ones(), [4]);
      yield* program.run({ x: handle });
      yield* demandRefusal(compute.get(handle), "reading a donated handle");
      yield* demandRefusal(program.run({ x: handle }), "running on a donated handle");
    }),
  ),
  law(
    "compute.donate.copied",
    "a copy is updated in place in every element, and its source stays as it is",
    Effect.gen(function* () {
      const compute = yield* Compute;
      // Long enough for a backend to divide it between threads.
      const size = 1 << 18;
      const a = input("a", [size]);
      const copying = yield* compute.compile(graph({ copy: a }, { name: "law/copying" }));
      const moving = yield* compute.compile(
        graph({ next: lerp(a, input("b", [size]), input("rate", [1])) }, { name: "law/moving" }),
        { donate: ["a"] },
      );
      const zero = yield* compute.put(new Float32Array(size), [size]);
      const one = yield* compute.put(new Float32Array(size).fill(1), [size]);
      let moved = (yield* copying.run({ a: zero })).arrays.copy as Arr;
      const rate = Float32Array.of(0.5);
      for (let step = 0; step < 3; step++) {
        moved = (yield* moving.run({ a: moved, b: one, rate })).arrays.next as Arr;
      }
      const hint = "a part of the program worked on another copy than the one that is kept";
      for (const [handle, wanted] of [
        [moved, 0.875],
        [zero, 0],
      ] as const) {
        const wrong = (yield* compute.get(handle)).findIndex((value) => value !== wanted);
        yield* demand(wrong === -1, `${wanted} everywhere`, `another value at ${wrong}`, hint);
      }
      yield* compute.release([moved, zero, one]);
    }),
  ),
  law(
    "compute.donate.optimizer",
    "parameters and moments donated step after step follow the interpreter",
    Effect.gen(function* () {
      const compute = yield* Compute;
      // More tensors than a kernel may bind buffers for, of sizes that no vector divides.
      const shapes = [[6, 5], [3], [1], [9, 11], [64], [2, 2, 7]];
      const slots = ["p", "m", "v"] as const;
      const keys = shapes.flatMap((shape, i) =>
        slots.map((slot) => ({ slot, name: `${slot}${i}`, i, shape })),
      );
      const next = shapes.map((shape, i) =>
        adamw(
          input(`p${i}`, shape),
          input(`g${i}`, shape),
          input(`m${i}`, shape),
          input(`v${i}`, shape),
          input(i % 2 === 0 ? "decayed" : "plain", [8]),
        ),
      );
      const step = graph(
        Object.fromEntries(keys.map(({ slot, name, i }) => [name, next[i]![slot]])),
        { name: "law/optimizer" },
      );
      const program = yield* compute.compile(step, { donate: keys.map(({ name }) => name) });
      const draw = (seed: number, shape: ReadonlyArray<number>) =>
        Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(seed + 3 * i));
      let wanted: Record<string, ArrayLike<number>> = Object.fromEntries(
        keys.map(({ slot, name, i, shape }) => [
          name,
          slot === "p" ? draw(i, shape) : new Float32Array(sizeOf(shape)),
        ]),
      );
      let state: Record<string, Arr> = {};
      for (const { name, shape } of keys) {
        state[name] = yield* compute.put(Float32Array.from(wanted[name] ?? []), shape);
      }
      for (let t = 1; t <= 5; t++) {
        const given: Record<string, Float32Array> = {};
        shapes.forEach((shape, i) => (given[`g${i}`] = draw(10 * i + t, shape)));
        for (const [name, decay] of [["decayed", 0.1] as const, ["plain", 0] as const]) {
          given[name] = Float32Array.of(
            0.01,
            0.9,
            0.99,
            1e-8,
            decay,
            1 - 0.9 ** t,
            1 - 0.99 ** t,
            1,
          );
        }
        state = (yield* program.run({ ...state, ...given })).arrays;
        wanted = interpret(step, { ...wanted, ...given });
      }
      for (const { name } of keys) {
        yield* demandClose(
          yield* compute.get(state[name] as Arr),
          Float64Array.from(wanted[name] ?? []),
          tolerance,
          `${name} after five steps`,
        );
      }
    }),
  ),
];

export const arrayLaws = (tolerance: number): ReadonlyArray<Law<Compute>> => [
  law(
    "compute.array.round-trip",
    "put and get give every dtype back, and share nothing with the caller",
    Effect.gen(function* () {
      const compute = yield* Compute;
      const all: ReadonlyArray<readonly [HostArray, "f32" | "f16" | "i32" | "bool"]> = [
        [Float32Array.of(0.1, -0, 3e38, Infinity), "f32"],
        [Int32Array.of(-(2 ** 31), 2 ** 31 - 1, 2 ** 24 + 1, 0), "i32"],
        [Uint8Array.of(0, 1, 1, 0), "bool"],
        [Uint16Array.of(0x3c00, 0x0001, 0x7bff, 0), "f16"],
      ];
      for (const [data, dtype] of all) {
        if (!compute.info.dtypes.includes(dtype)) continue;
        const wanted = Array.from(data);
        const handle = yield* compute.put(data, [2, 2], dtype);
        data.fill(0);
        const got = yield* compute.get(handle);
        const hint = `at ${dtype}: copy on the way in and on the way out`;
        yield* demandValues(got, wanted, hint);
        got.fill(0);
        yield* demandValues(yield* compute.get(handle), wanted, hint);
        yield* compute.release([handle]);
      }
    }),
  ),
  law(
    "compute.array.released",
    "a released handle is refused by get and run, others live on",
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(doubled);
      const gone = yield* compute.put(ones(), [4]);
      const kept = yield* compute.put(ones(), [4]);
      yield* compute.release([gone]);
      yield* demandRefusal(compute.get(gone), "reading a released handle");
      yield* demandRefusal(program.run({ x: gone }), "running on a released handle");
      yield* demandValues(yield* compute.get(kept), [1, 2, 3, 4], "release spent another handle");
    }),
  ),
  law(
    "compute.array.foreign",
    "a handle that the backend never gave out is refused",
    Effect.gen(function* () {
      const compute = yield* Compute;
      yield* demandRefusal(
        compute.get({ id: 2 ** 52, shape: [4], dtype: "f32" }),
        "a handle of nobody",
      );
    }),
  ),
  law(
    "compute.array.wrong",
    "missing inputs, wrong lengths, shapes and dtypes, and unknown names are refused",
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(doubled);
      yield* demandRefusal(program.run({}), "a missing input");
      yield* demandRefusal(
        program.run({ x: Float32Array.of(1, 2) }),
        "host data that is too short",
      );
      yield* demandRefusal(program.run({ x: Int32Array.of(1, 2, 3, 4) }), "ids for floats");
      const matrix = yield* compute.put(ones(), [2, 2]);
      yield* demandRefusal(program.run({ x: matrix }), "a handle of another shape");
      yield* demandRefusal(
        program.run({ x: ones() }, { read: ["no such output"] }),
        "reading an unknown output",
      );
      yield* demandRefusal(compute.put(ones(), [5]), "five values from four");
      yield* demandRefusal(
        compute.compile(doubled, { donate: ["no such input"] }),
        "donating an unknown input",
      );
    }),
  ),
  law(
    "compute.array.owned",
    "outputs belong to the caller: later runs of the same program leave them as they are",
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(hazard);
      const first = yield* program.run({ x: ones() });
      const second = yield* program.run({ x: Float32Array.of(9, 9, 9, 9) });
      const hint = "buffers are reused while somebody holds a handle of them";
      yield* demandValues(yield* compute.get(first.arrays.y as Arr), [2, 4, 6, 8], hint);
      yield* demandValues(yield* compute.get(second.arrays.y as Arr), [18, 18, 18, 18], hint);
      const chained = yield* program.run({ x: first.arrays.y as Arr }, { read: ["y"] });
      yield* demandValues(chained.values.y ?? ones(), [4, 8, 12, 16], "an output is no input");
      yield* demandValues(yield* compute.get(first.arrays.y as Arr), [2, 4, 6, 8], hint);
    }),
  ),
  law(
    "compute.array.constant",
    "an input called constant may change, and the results follow",
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(doubled, { constant: ["x"] });
      const a = yield* compute.put(ones(), [4]);
      const b = yield* compute.put(Float32Array.of(5, 6, 7, 8), [4]);
      const hint = "the program keeps an old constant: rebuild when another handle comes";
      for (const [handle, wanted] of [
        [a, [2, 4, 6, 8]],
        [a, [2, 4, 6, 8]],
        [b, [10, 12, 14, 16]],
        [a, [2, 4, 6, 8]],
      ] as const) {
        const { values } = yield* program.run({ x: handle }, { read: ["y"] });
        yield* demandValues(values.y ?? ones(), wanted, hint);
      }
      const { values } = yield* program.run({ x: Float32Array.of(0, 0, 0, 1) }, { read: ["y"] });
      yield* demandValues(values.y ?? ones(), [0, 0, 0, 2], hint);
    }),
  ),
  law(
    "compute.array.concurrent",
    "runs asked for at the same time give what they give alone",
    Effect.gen(function* () {
      const compute = yield* Compute;
      const program = yield* compute.compile(doubled);
      const results = yield* Effect.forEach(
        Array.from({ length: 16 }, (_, i) => i),
        (i) => program.run({ x: Float32Array.of(i, i, i, i) }, { read: ["y"] }),
        { concurrency: "unbounded" },
      );
      for (const [i, { values }] of results.entries()) {
        const hint = "two runs share a buffer";
        yield* demandValues(values.y ?? ones(), [2 * i, 2 * i, 2 * i, 2 * i], hint);
      }
    }),
  ),
  ...donationLaws(tolerance),
];
