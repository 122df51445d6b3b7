import { assert, describe, it } from "@effect/vitest";
import { Compute, makeRandom } from "@resd/core";
import * as T from "@resd/tensor";
import { Effect } from "effect";
import { listAdapters } from "./adapters.ts";
import { lowerGraph } from "./lower.ts";
import { layer } from "./mod.ts";

const [adapter] = await Effect.runPromise(listAdapters);
if (adapter === undefined) {
  process.stderr.write(
    "SKIPPED, NOT PASSED: tensors in pieces, no WebGPU adapter on this machine\n",
  );
}

const [V, D, N] = [600, 16, 8];
const maxBinding = 16_384;
const random = makeRandom("shards on device");
const floats = (count: number): Float32Array =>
  Float32Array.from({ length: count }, () => random.normal());

/** A step of AdamW on an embedding that is also the head: of everything that has V rows or columns, all is large. */
const step = (): T.Graph => {
  const table = T.input("table", [V, D]);
  const ids = T.input("ids", [N], "i32");
  const hidden = T.add(T.gatherRows(table, ids), T.input("x", [N, D]));
  const logProbs = T.logSoftmax(T.matMul(hidden, table, { transB: true }));
  const loss = T.neg(T.mean(T.gatherLast(logProbs, T.reshape(ids, [N, 1]))));
  const [grad] = T.gradient(loss, [table]) as [T.Tensor];
  const moments = [T.input("m", [V, D]), T.input("v", [V, D])] as const;
  const { p, m, v } = T.adamw(table, grad, ...moments, T.input("hyper", [8]));
  return T.graph({ loss, grad, norm: T.sumSquares(grad), p, m, v, table }, { name: "step" });
};

const data = {
  table: floats(V * D),
  x: floats(N * D),
  ids: Int32Array.from({ length: N }, (_, i) => (i % 3 === 0 ? 3 : random.int(V))),
  m: floats(V * D),
  v: floats(V * D).map((value) => 1 + value * value),
  hyper: Float32Array.of(0.1, 0.9, 0.99, 1e-8, 0.01, 0.19, 0.02, 0.5),
};

describe("lowerGraph() of tensors larger than a binding", () => {
  const target = {
    software: true,
    knownSizes: false,
    subgroups: false,
    rows: "auto" as const,
    losses: "fused" as const,
    attention: "auto" as const,
    f16: false,
    maxBuffers: 12,
    maxBinding,
    bindingAlignment: 256,
    maxBuffer: 2 ** 20,
    subgroup: 0,
    maxLanes: 256,
    maxShared: 16_384,
    products: { half: false, kernel: "auto", matrix: undefined, tuned: () => undefined },
  } as const;

  it("binds pieces of one buffer, and lets the optimizer's results take the place of its operands", () => {
    const { kernels, values, windows, inPlace, inputs, outputs } = lowerGraph(
      step(),
      target,
      new Set(["m", "v"]),
    );
    const bytes = (value: number): number => values[value]!.size * 4;
    for (const { bindings } of kernels) {
      for (const { value } of bindings) assert.isAtMost(bytes(value), maxBinding);
    }
    for (const { of, offset } of windows.values()) {
      assert.isAbove(bytes(of), maxBinding);
      assert.strictEqual(offset % 256, 0);
    }
    const value = (list: typeof inputs | typeof outputs, wanted: string): number =>
      list.find(({ name }) => name === wanted)!.value;
    assert.strictEqual(inPlace.get(value(outputs, "m")), value(inputs, "m"));
    assert.strictEqual(inPlace.get(value(outputs, "v")), value(inputs, "v"));
    // The old weights are an output too.
    assert.isUndefined(inPlace.get(value(outputs, "p")));
    assert.strictEqual(value(outputs, "table"), value(inputs, "table"));
  });

  it("refuses by name what is larger than a buffer", () => {
    assert.throws(
      () => lowerGraph(step(), { ...target, maxBuffer: 32_768 }),
      /Expected tensors of at most 32768 bytes, which this adapter can hold, got table with 38400 bytes, at step/,
    );
  });
});

describe.skipIf(adapter === undefined)("compute-webgpu on tensors larger than a binding", () => {
  it.live(
    "takes the step that the interpreter takes, its operands donated or not",
    () =>
      Effect.gen(function* () {
        const compute = yield* Compute;
        const graph = step();
        const wanted = T.interpret(graph, data);
        const read = graph.outputs.map(({ name }) => name);
        for (const donate of [[], ["m", "v"]]) {
          const program = yield* compute.compile(graph, { donate });
          const inputs = {
            ...data,
            m: yield* compute.put(data.m, [V, D]),
            v: yield* compute.put(data.v, [V, D]),
          };
          const { arrays } = yield* program.run(inputs);
          for (const name of read) {
            const got = yield* compute.get(arrays[name]!);
            wanted[name]!.forEach((value, i) =>
              assert.closeTo(got[i]!, value, 1e-4, `${name}[${i}], donated: ${donate.join()}`),
            );
          }
        }
      }).pipe(Effect.provide(layer({ maxBinding }))),
    120_000,
  );
});
