import {
  type CompileOptions,
  Compute,
  ComputeError,
  type ComputeShape,
  type Program,
} from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { computeLaws } from "./compute_laws.ts";
import { interpreterCompute, makeInterpreterCompute } from "./interpreter_compute.ts";
import { checkLaws } from "./law.ts";
import { registerLaws } from "./register_laws.ts";

/** A backend whose programs are changed as they are compiled. */
const altered = (
  inner: ComputeShape,
  alter: (program: Program, options: CompileOptions | undefined) => Program,
): ComputeShape => ({
  ...inner,
  compile: (graph, options) =>
    Effect.map(inner.compile(graph, options), (program) => alter(program, options)),
});

/** Interpreters with one promise broken, and the law that has to notice. */
const defective: Readonly<Record<string, readonly [string, () => ComputeShape]>> = {
  "loses one of many duplicates": [
    "compute.graph.scatter-rows-crowded",
    () =>
      altered(makeInterpreterCompute({ precision: "f32" }), (program) => ({
        ...program,
        run: (inputs, asked) => {
          const rows = inputs.rows;
          const changed = rows instanceof Float32Array ? rows.slice() : undefined;
          changed?.fill(0, 0, 64);
          return program.run(changed === undefined ? inputs : { ...inputs, rows: changed }, asked);
        },
      })),
  ],
  "lives on after release": [
    "compute.array.released",
    () => ({ ...makeInterpreterCompute(), release: () => Effect.void }),
  ],
  "ignores donation": [
    "compute.donate.spent",
    () => {
      const inner = makeInterpreterCompute();
      return { ...inner, compile: (graph) => inner.compile(graph) };
    },
  ],
  "keeps the first constant": [
    "compute.array.constant",
    () =>
      altered(makeInterpreterCompute(), (program, options) => {
        let first: Parameters<Program["run"]>[0] | undefined;
        return options?.constant === undefined
          ? program
          : { ...program, run: (inputs, asked) => program.run((first ??= inputs), asked) };
      }),
  ],
  "shares memory with the caller": [
    "compute.array.round-trip",
    () => {
      const inner = makeInterpreterCompute();
      const shared = new Map<number, Parameters<ComputeShape["put"]>[0]>();
      return {
        ...inner,
        put: (data, shape, dtype) =>
          Effect.map(inner.put(data, shape, dtype), (handle) => {
            shared.set(handle.id, data);
            return handle;
          }),
        get: (handle) => {
          const data = shared.get(handle.id);
          return data === undefined ? inner.get(handle) : Effect.succeed(data);
        },
      };
    },
  ],
  "takes any shape": [
    "compute.array.wrong",
    () => {
      const inner = makeInterpreterCompute();
      return {
        ...inner,
        put: (data, shape, dtype) =>
          inner
            .put(data, shape, dtype)
            .pipe(Effect.catch(() => inner.put(data, [data.length], dtype))),
      };
    },
  ],
  "hides what is not finite": [
    "compute.non-finite.seen",
    () =>
      altered(makeInterpreterCompute({ precision: "f32" }), (program) => ({
        ...program,
        run: (inputs, asked) =>
          Effect.map(program.run(inputs, asked), (result) => ({
            ...result,
            values: Object.fromEntries(
              Object.entries(result.values).map(([name, data]) => [
                name,
                data instanceof Float32Array ? data.map((x) => (Number.isFinite(x) ? x : 0)) : data,
              ]),
            ),
          })),
      })),
  ],
  "throws instead of failing": [
    "compute.array.foreign",
    () => ({
      ...makeInterpreterCompute(),
      get: () => Effect.die(new Error("segmentation fault")),
    }),
  ],
  "fails at everything": [
    "compute.graph.unary",
    () => ({
      ...makeInterpreterCompute(),
      compile: () => Effect.fail(new ComputeError({ message: "no device", op: "compile" })),
    }),
  ],
};

describe("computeLaws()", () => {
  describe("hold for the interpreter in single precision", () => {
    registerLaws(computeLaws(), {
      layer: Layer.sync(Compute, () => makeInterpreterCompute({ precision: "f32" })),
    });
  });

  it("have ids of their own", () => {
    const ids = computeLaws().map(({ id }) => id);
    assert.strictEqual(new Set(ids).size, ids.length);
  });

  it.live.each(Object.entries(defective))("catch a backend that %s", ([, [id, make]]) =>
    Effect.gen(function* () {
      const laws = computeLaws().filter((law) => law.id === id);
      assert.lengthOf(laws, 1);
      const [good] = yield* Effect.provide(checkLaws(laws), interpreterCompute);
      const [result] = yield* Effect.provideService(checkLaws(laws), Compute, make());
      assert.isTrue(good?.passed);
      assert.isFalse(result?.passed);
    }),
  );
});
