import { assert, describe, it } from "@effect/vitest";
import { hidden, initialize, logits, parameterInputs, parameterSpecs } from "@resd/models";
import { makeInterpreterCompute } from "@resd/testing";
import { graph, input, interpret, logSoftmax, reshape } from "@resd/tensor";
import { Effect } from "effect";
import { TINY, tokens } from "./fixtures/tiny_model.ts";
import { type Document, makeTrainer, type TrainerOptions } from "./pretrain.ts";

/** Next-token targets from `from` on; nothing is asked before. */
const document = (seed: string, length: number, from: number): Document => {
  const ids = tokens(seed, length + 1);
  const targets = ids.slice(1).map((id, t) => (t >= from ? id : -1));
  return { ids: ids.slice(0, length), targets };
};

const BATCH: ReadonlyArray<Document> = [
  document("a", 20, 3),
  document("b", 7, 0),
  document("c", 33, 30),
  document("d", 12, 5),
  document("e", 5, 5), // nothing to predict
];

const trainer = (options: Partial<TrainerOptions> = {}) => {
  const compute = makeInterpreterCompute();
  return Effect.map(
    makeTrainer({
      config: TINY,
      parameters: initialize(TINY, 3),
      compute,
      optimizer: { _tag: "AdamW" },
      ...options,
    }),
    (made) => ({ ...made, compute }),
  );
};

/** Mean cross-entropy over all targets by the plain graph, one document at a time. */
const plainLoss = (batch: ReadonlyArray<Document>): number => {
  const weights = initialize(TINY, 3);
  let sum = 0;
  let count = 0;
  for (const { ids, targets } of batch) {
    const T = ids.length;
    const parameters = parameterInputs(TINY);
    const states = hidden(TINY, parameters, input("ids", [1, T], "i32"));
    const logP = logSoftmax(logits(TINY, parameters, reshape(states, [T, TINY.hidden_size])));
    const values = interpret(graph({ logP }), { ...Object.fromEntries(weights), ids });
    targets.forEach((target, t) => {
      if (target < 0) return;
      sum -= values["logP"]![t * TINY.vocab_size + target]!;
      count += 1;
    });
  }
  return sum / count;
};

describe("makeTrainer", () => {
  it.effect("step() reports the mean loss over supervised positions only", () =>
    Effect.gen(function* () {
      const { step, evaluate } = yield* trainer();
      const expected = plainLoss(BATCH);
      assert.approximately(yield* evaluate(BATCH), expected, 1e-6);
      const { loss, targets, tokens: read } = yield* step(BATCH, 1e-3);
      assert.approximately(loss, expected, 1e-6);
      assert.strictEqual(targets, 17 + 7 + 3 + 7);
      assert.strictEqual(read, 20 + 7 + 33 + 12 + 5);
    }),
  );

  it.effect("step() takes the same step for any micro-batch size and order", () =>
    Effect.gen(function* () {
      const results = [];
      for (const [microBatchTokens, batch] of [
        [4096, BATCH],
        [48, BATCH],
        [1, BATCH],
        [64, BATCH.toReversed()],
      ] as const) {
        const { step, parameters } = yield* trainer({ microBatchTokens, clipNorm: 0.1 });
        const { gradNorm } = yield* step(BATCH === batch ? BATCH : batch, 1e-2);
        results.push({ gradNorm, parameters: yield* parameters });
      }
      for (const { gradNorm, parameters } of results) {
        assert.approximately(gradNorm, results[0]!.gradNorm, 1e-6);
        for (const [name, values] of parameters) {
          const first = results[0]!.parameters.get(name)!;
          values.forEach((value, i) => assert.approximately(value, first[i]!, 2e-6));
        }
      }
    }),
  );

  for (const optimizer of [{ _tag: "AdamW" }, { _tag: "Muon" }] as const) {
    it.effect(`${optimizer._tag} learns a small batch by heart`, () =>
      Effect.gen(function* () {
        const { step, evaluate, compute } = yield* trainer({ optimizer, clipNorm: 1 });
        const batch = BATCH.slice(1, 2);
        const before = yield* evaluate(batch);
        for (let i = 0; i < 40; i++) yield* step(batch, 1e-2);
        assert.isBelow(yield* evaluate(batch), before / 2);
        const slots = parameterSpecs(TINY).reduce(
          (all, { matrix }) => all + (optimizer._tag === "Muon" && matrix ? 2 : 3),
          0,
        );
        assert.strictEqual(compute.liveArrays(), slots); // nothing leaks from step to step
      }),
    );
  }

  it.effect("step() changes nothing when a gradient is not finite", () =>
    Effect.gen(function* () {
      const weights = initialize(TINY, 3);
      weights.get("model.norm.weight")![0] = Number.NaN;
      const { step, parameters, optimizer } = yield* trainer({ parameters: weights });
      const { skipped, gradNorm } = yield* step(BATCH, 1e-2);
      assert.isNaN(gradNorm);
      assert.include(skipped, "not finite");
      assert.deepStrictEqual(yield* parameters, weights as Map<string, Float32Array>);
      assert.strictEqual((yield* optimizer.state).steps, 0);
    }),
  );

  it.effect("step() names the document and position of a target outside the vocabulary", () =>
    Effect.gen(function* () {
      const { step } = yield* trainer();
      const bad = document("f", 4, 0);
      bad.targets[2] = 11;
      const error = yield* Effect.flip(step([BATCH[0]!, bad], 1e-2));
      assert.include(error.message, "at document 1, position 2");
    }),
  );
});
