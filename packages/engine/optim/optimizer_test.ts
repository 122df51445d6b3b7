import { assert, describe, it } from "@effect/vitest";
import { makeRandom } from "@resd/core";
import { makeInterpreterCompute } from "@resd/testing";
import { graph, input, interpret } from "@resd/tensor";
import { Effect } from "effect";
import { type Arrays, getArrays, putArrays } from "../arrays.ts";
import { makePrograms } from "../programs.ts";
import { orthogonalise } from "./muon.ts";
import { makeOptimizer, type OptimizerOptions, type TrainableSpec } from "./optimizer.ts";

const SPECS: ReadonlyArray<TrainableSpec> = [
  { name: "embedding", shape: [5, 3], matrix: false },
  { name: "square", shape: [3, 3], matrix: true },
  { name: "tall", shape: [6, 3], matrix: true },
  { name: "wide", shape: [2, 4], matrix: true },
  { name: "also_tall", shape: [6, 3], matrix: true },
  { name: "norm", shape: [3], matrix: false },
];

const normals = (seed: string, { name, shape }: TrainableSpec): Float32Array => {
  const random = makeRandom(seed, name);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal());
};

/** Parameters after three steps on the gradients "g1", "g2", "g3". */
const threeSteps = (options: OptimizerOptions, size = { lr: 0.1, gradScale: 0.5 }) =>
  Effect.gen(function* () {
    const compute = makeInterpreterCompute();
    const optimizer = yield* makeOptimizer(makePrograms(compute), SPECS, options);
    let parameters: Arrays = yield* putArrays(compute, SPECS, (spec) =>
      normals("p", spec as TrainableSpec),
    );
    for (const seed of ["g1", "g2", "g3"]) {
      const gradients = yield* putArrays(compute, SPECS, (spec) =>
        normals(seed, spec as TrainableSpec),
      );
      parameters = yield* optimizer.step(parameters, gradients, size);
    }
    return {
      compute,
      optimizer,
      parameters,
      values: yield* getArrays(compute, parameters),
    };
  });

const assertClose = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
  assert.strictEqual(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert.approximately(actual[i] as number, expected[i] as number, tolerance);
  }
};

type Matrix = Array<Array<number>>;
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)));
const flipped = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));
const combined = (a: Matrix, p: number, b: Matrix, q: number): Matrix =>
  a.map((row, i) => row.map((x, j) => p * x + q * b[i]![j]!));

/** Newton–Schulz by hand, on rows ≤ columns. */
const newtonSchulz = (g: Matrix): Matrix => {
  if (g.length > g[0]!.length) return flipped(newtonSchulz(flipped(g)));
  const norm = Math.sqrt(g.flat().reduce((sum, x) => sum + x * x, 0)) + 1e-7;
  let X = g.map((row) => row.map((x) => x / norm));
  for (let i = 0; i < 5; i++) {
    const A = product(X, flipped(X));
    const B = combined(A, -4.775, product(A, A), 2.0315);
    X = combined(X, 3.4445, product(B, X), 1);
  }
  return X;
};

const asMatrix = (values: ArrayLike<number>, columns: number): Matrix =>
  Array.from({ length: values.length / columns }, (_, i) =>
    Array.from(values).slice(i * columns, (i + 1) * columns),
  );

describe("optimizer", () => {
  it.effect("AdamW takes the steps of the published formula, decaying matrices only", () =>
    Effect.gen(function* () {
      const options = { _tag: "AdamW", betas: [0.8, 0.9], eps: 1e-6, weightDecay: 0.3 } as const;
      const { values } = yield* threeSteps(options);
      for (const spec of SPECS) {
        const p = Float64Array.from(normals("p", spec));
        const m = new Float64Array(p.length);
        const v = new Float64Array(p.length);
        ["g1", "g2", "g3"].forEach((seed, index) => {
          const t = index + 1;
          const decay = spec.shape.length === 2 ? 0.3 : 0;
          normals(seed, spec).forEach((raw, i) => {
            const g = raw * 0.5;
            m[i] = 0.8 * m[i]! + 0.2 * g;
            v[i] = 0.9 * v[i]! + 0.1 * g * g;
            const mHat = m[i]! / (1 - 0.8 ** t);
            const vHat = v[i]! / (1 - 0.9 ** t);
            p[i] = p[i]! * (1 - 0.1 * decay) - (0.1 * mHat) / (Math.sqrt(vHat) + 1e-6);
          });
        });
        assertClose(values.get(spec.name)!, p, 1e-5);
      }
    }),
  );

  it.effect("Muon orthogonalises every matrix on its own, whatever shares its shape", () =>
    Effect.gen(function* () {
      const muon = { momentum: 0.9, weightDecay: 0.2, rateRatio: 2 };
      const { values } = yield* threeSteps({ _tag: "Muon", ...muon });
      for (const spec of SPECS.filter(({ matrix }) => matrix)) {
        const [rows, columns] = spec.shape as [number, number];
        let p = asMatrix(normals("p", spec), columns);
        let buffer = p.map((row) => row.map(() => 0));
        for (const seed of ["g1", "g2", "g3"]) {
          const g = asMatrix(normals(seed, spec), columns).map((row) => row.map((x) => x * 0.5));
          buffer = combined(buffer, 0.9, g, 0.1);
          const u = newtonSchulz(combined(g, 0.1, buffer, 0.9));
          p = combined(p, 1 - 0.2 * 0.2, u, -0.2 * Math.sqrt(Math.max(1, rows / columns)));
        }
        assertClose(values.get(spec.name)!, p.flat(), 1e-5);
      }
    }),
  );

  it("orthogonalise() brings all singular values of a well-conditioned matrix near 1", () => {
    const random = makeRandom("orthogonalise");
    const stack = Float64Array.from({ length: 2 * 8 * 3 }, () => random.normal());
    const { u } = interpret(graph({ u: orthogonalise(input("x", [2, 8, 3])) }), { x: stack });
    for (const half of [u!.subarray(0, 24), u!.subarray(24)]) {
      const U = asMatrix(half, 3);
      const gram = product(flipped(U), U);
      gram.forEach((row, i) =>
        row.forEach((x, j) => assert.approximately(x, i === j ? 1 : 0, i === j ? 0.55 : 0.3)),
      );
    }
  });

  it.effect("restore() goes on exactly where state() was taken", () =>
    Effect.gen(function* () {
      const options: OptimizerOptions = { _tag: "Muon" };
      const first = yield* threeSteps(options);
      const saved = yield* first.optimizer.state;
      assert.strictEqual(saved.steps, 3);

      const compute = makeInterpreterCompute();
      const optimizer = yield* makeOptimizer(makePrograms(compute), SPECS, options);
      yield* optimizer.restore(saved);
      const resumed = yield* putArrays(compute, SPECS, ({ name }) => first.values.get(name)!);
      const original = yield* putArrays(first.compute, SPECS, ({ name }) =>
        first.values.get(name)!,
      );
      const gradients = (target: typeof compute) =>
        putArrays(target, SPECS, (spec) => normals("g4", spec as TrainableSpec));
      const size = { lr: 0.1, gradScale: 1 };
      const a = yield* getArrays(
        compute,
        yield* optimizer.step(resumed, yield* gradients(compute), size),
      );
      const b = yield* getArrays(
        first.compute,
        yield* first.optimizer.step(original, yield* gradients(first.compute), size),
      );
      for (const { name } of SPECS) assertClose(a.get(name)!, b.get(name)!, 1e-6);
    }),
  );

  it.effect("step() leaves nothing behind: gradients and old parameters are spent", () =>
    Effect.gen(function* () {
      const { compute } = yield* threeSteps({ _tag: "AdamW" });
      assert.strictEqual(compute.liveArrays(), SPECS.length * 3); // p, m, v
    }),
  );
});
