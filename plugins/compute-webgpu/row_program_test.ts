/** Random computations of rows give what the interpreter gives, by threads with a row each and by workgroups. */
import { assert, describe, it } from "@effect/vitest";
import { Compute, makeRandom, type Random } from "@resd/core";
import {
  add,
  broadcastTo,
  concat,
  exp,
  gatherLast,
  graph,
  input,
  interpret,
  logSoftmax,
  max,
  maximum,
  mul,
  reshape,
  scatterAddLast,
  slice,
  softmax,
  sub,
  sum,
  tanh,
  type Tensor,
  topK,
} from "@resd/tensor";
import { Effect } from "effect";
import { listAdapters } from "./adapters.ts";
import { layer } from "./mod.ts";
import { rowRegions } from "./row_regions.ts";

const [adapter] = await Effect.runPromise(listAdapters);

/** Tensors that a program has so far, by how they show a row. */
interface Pool {
  readonly wide: Array<Tensor>;
  readonly narrow: Array<Tensor>;
  /** [N,1]. */
  readonly one: Array<Tensor>;
}

/** A program of about `steps` operations on N rows, of V or of k columns. */
const program = (random: Random, steps: number) => {
  const [N, V, k] = [2 + random.int(40), 5 + random.int(random.pick([20, 600])), 2 + random.int(4)];
  const data: Record<string, Float32Array | Int32Array> = {};
  const f32 = (name: string, shape: ReadonlyArray<number>): Tensor => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    data[name] = Float32Array.from({ length: size }, random.normal);
    return input(name, shape);
  };
  const z = f32("z", [N, V]);
  data["places"] = Int32Array.from({ length: N * k }, () => random.int(V));
  const ids = random.pick([input("places", [N, k], "i32"), topK(z, k).indices]);
  const pool: Pool = {
    wide: [z, f32("y", [N, V]), broadcastTo(f32("column", [1, V]), [N, V])],
    narrow: [f32("few", [N, k]), gatherLast(z, ids)],
    one: [f32("one", [N, 1]), reshape(f32("flat", [N]), [N, 1])],
  };
  const bounded = (x: Tensor): Tensor => tanh(mul(x, 0.5));
  const kinds = ["wide", "narrow", "one"] as const;
  const rules: ReadonlyArray<() => readonly [keyof Pool, Tensor]> = [
    () => ["one", sum(mul(random.pick(pool.wide), 0.1), -1, true)],
    () => ["one", max(random.pick([...pool.wide, ...pool.narrow]), -1, true)],
    () => ["one", max(softmax(random.pick(pool.wide)), -1, true)],
    () => ["one", sum(random.pick(pool.narrow), -1, true)],
    () => ["one", slice(random.pick(pool.narrow), [0, 1], [N, 2])],
    () => ["wide", softmax(random.pick(pool.wide))],
    () => ["wide", mul(logSoftmax(random.pick(pool.wide)), 0.1)],
    () => ["wide", scatterAddLast(random.pick(pool.narrow), ids, V)],
    () => ["wide", add(random.pick(pool.wide), scatterAddLast(random.pick(pool.narrow), ids, V))],
    () => ["narrow", softmax(random.pick(pool.narrow))],
    () => ["narrow", gatherLast(random.pick(pool.wide), ids)],
    () => [
      "narrow",
      slice(concat([random.pick(pool.one), random.pick(pool.narrow)], 1), [0, 0], [N, k]),
    ],
    () => {
      const kind = random.pick(kinds);
      const other = random.pick([...pool[kind], ...pool.one]);
      const join = random.pick([add, sub, mul, maximum]);
      return [kind, bounded(join(random.pick(pool[kind]), other))];
    },
    () => {
      const kind = random.pick(kinds);
      return [kind, exp(bounded(random.pick(pool[kind])))];
    },
  ];
  const made: Array<Tensor> = [];
  for (let step = 0; step < steps; step++) {
    const [kind, tensor] = random.pick(rules)();
    pool[kind].push(tensor);
    made.push(tensor);
  }
  const outputs = [made.at(-1)!, ...made.filter(() => random.int(4) === 0)];
  const named = outputs.map((tensor, n) => [`output ${n}`, tensor] as const);
  return { source: graph(Object.fromEntries(named), { name: "rows" }), data };
};

const VARIANTS = [
  { settings: {}, count: 24 },
  { settings: { rows: "lanes" }, count: 12 },
] as const;

describe.skipIf(adapter === undefined)("kernels of rows", () => {
  for (const { settings, count } of VARIANTS) {
    it.live(
      `compute ${count} random programs as the interpreter does, with ${JSON.stringify(settings)}`,
      () =>
        Effect.gen(function* () {
          const compute = yield* Compute;
          let fused = 0;
          for (let seed = 0; seed < count; seed++) {
            const { source, data } = program(makeRandom(seed, "rows"), 14);
            fused += rowRegions(source).length > 0 ? 1 : 0;
            const read = source.outputs.map(({ name }) => name);
            const compiled = yield* compute.compile(source);
            const { values } = yield* compiled.run(data, { read });
            const wanted = interpret(source, data);
            for (const name of read) {
              const [got, exact] = [values[name]!, wanted[name]!];
              assert.strictEqual(got.length, exact.length);
              const scale = Math.max(1, ...Array.from(exact, Math.abs));
              exact.forEach((x, i) =>
                assert.isAtMost(
                  Math.abs(got[i]! - x) / scale,
                  1e-5,
                  `seed ${seed}, ${name}, element ${i}: ${got[i]} instead of ${x}`,
                ),
              );
            }
          }
          assert.isAbove(fused, count / 2);
        }).pipe(Effect.provide(layer(settings))),
      120_000,
    );
  }
});
