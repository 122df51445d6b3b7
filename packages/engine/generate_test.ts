import { assert, describe, it } from "@effect/vitest";
import type { GenerateRequest, Sampling } from "@resd/core";
import {
  type DecoderConfig,
  endTokenIds,
  hidden,
  initialize,
  logits,
  parameterInputs,
  parameterSpecs,
} from "@resd/models";
import { makeInterpreterCompute } from "@resd/testing";
import { graph, input, interpret, logSoftmax, reshape } from "@resd/tensor";
import { Effect } from "effect";
import { putArrays } from "./arrays.ts";
import { TINY, TINY_LLAMA, tokens } from "./fixtures/tiny_model.ts";
import { generateBatch } from "./generate.ts";
import { bakesWeights, generationRows, planGeneration } from "./generation_plan.ts";
import { makePrograms } from "./programs.ts";

const weightsOf = (config: DecoderConfig): Map<string, Float32Array> => {
  const weights = initialize(config, 5);
  // A sharper head, so that the tokens of a sequence differ.
  const head = config.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  weights.get(head)!.forEach((value, i, all) => (all[i] = value * 40));
  return weights;
};

/** log p of every next token over the vocabulary, row-major [T,V], by the graph without caches. */
const logProbs = (config: DecoderConfig, ids: Int32Array): Float64Array => {
  const parameters = parameterInputs(config);
  const states = hidden(config, parameters, input("ids", [1, ids.length], "i32"));
  const rows = reshape(states, [ids.length, config.hidden_size]);
  const logP = logSoftmax(logits(config, parameters, rows));
  return interpret(graph({ logP }), { ...Object.fromEntries(weightsOf(config)), ids })[
    "logP"
  ] as Float64Array;
};

const GREEDY: Sampling = { temperature: 0, topP: 1, topK: 0, maxTokens: 8, stop: [] };

const request = (
  id: string,
  length: number,
  sampling: Partial<Sampling> = {},
  seed = 1,
): GenerateRequest => ({
  id,
  prompt: tokens(id, length),
  seed,
  sampling: { ...GREEDY, ...sampling },
  as: "student",
});

const generate = (requests: ReadonlyArray<GenerateRequest>, config = TINY, maxRows = 16) =>
  Effect.gen(function* () {
    const compute = makeInterpreterCompute();
    const weights = weightsOf(config);
    const arrays = yield* putArrays(compute, parameterSpecs(config), ({ name }) =>
      weights.get(name)!,
    );
    const programs = makePrograms(compute);
    const context = {
      programs,
      config,
      parameters: 1000,
      ends: new Set(endTokenIds(config)),
      decode: (ids: Int32Array) => Array.from(ids, (id) => "abcdefghijk"[id]).join(""),
      maxRows,
    };
    const answers = yield* generateBatch(context, requests, () =>
      Effect.succeed({ arrays, version: "v" }),
    );
    assert.strictEqual(compute.liveArrays(), Object.keys(arrays).length); // no cache is left behind
    return { answers, programs: programs.keys() };
  });

const RAGGED = [request("a", 3), request("b", 20), request("c", 1), request("d", 11, {}, 2)];

describe("generateBatch", () => {
  for (const config of [TINY, TINY_LLAMA]) {
    it.effect(`takes the most probable token at temperature 0 (${config.model_type})`, () =>
      Effect.gen(function* () {
        const requests = RAGGED.map((r) => ({ ...r, sampling: { ...GREEDY, maxTokens: 20 } }));
        const { answers } = yield* generate(requests, config);
        const V = config.vocab_size;
        answers.forEach(({ ids, logProbs: recorded }, i) => {
          const { prompt } = requests[i]!;
          const whole = Int32Array.from([...prompt, ...ids]);
          const logP = logProbs(config, whole);
          ids.forEach((id, t) => {
            const at = prompt.length + t - 1;
            const row = logP.subarray(at * V, (at + 1) * V);
            assert.strictEqual(id, row.indexOf(Math.max(...row)));
            assert.approximately(recorded[t]!, row[id]!, 1e-5);
          });
        });
      }),
    );
  }

  it.effect("gives each request the same text alone and among others", () =>
    Effect.gen(function* () {
      const sampled = RAGGED.map((r) => ({
        ...r,
        sampling: { ...GREEDY, temperature: 1.3, topP: 0.9 },
      }));
      const { answers } = yield* generate(sampled);
      for (const [i, one] of sampled.entries()) {
        const [alone] = (yield* generate([one])).answers;
        assert.deepStrictEqual(alone!.ids, answers[i]!.ids);
        alone!.logProbs.forEach((value, t) =>
          assert.approximately(value, answers[i]!.logProbs[t]!, 1e-6),
        );
      }
    }),
  );

  it.effect(
    "reads a prompt that several requests share once, and answers each by its own seed",
    () =>
      Effect.gen(function* () {
        const warm = { temperature: 2, maxTokens: 7 };
        const requests = [
          request("a", 6, warm, 1),
          request("b", 9, warm, 1),
          request("a", 6, warm, 2),
          request("a", 6, { ...warm, temperature: 0 }, 3),
        ];
        const { answers, programs } = yield* generate(requests);
        assert.include(programs, "shared/2x32/32");
        for (const [i, one] of requests.entries()) {
          const [alone] = (yield* generate([one])).answers;
          assert.deepStrictEqual(alone!.ids, answers[i]!.ids);
          alone!.logProbs.forEach((value, t) =>
            assert.approximately(value, answers[i]!.logProbs[t]!, 1e-6),
          );
        }
        assert.notDeepEqual(answers[0]!.ids, answers[2]!.ids);
      }),
  );

  it.effect("draws from the seed: the same again for the same seed, another text for another", () =>
    Effect.gen(function* () {
      const hot = { temperature: 3, maxTokens: 16 };
      const prompt = tokens("same", 5);
      const requests = [7, 7, 8].map((seed) => ({ ...request("x", 5, hot, seed), prompt }));
      const [a, b, c] = (yield* generate(requests)).answers;
      assert.deepStrictEqual(a!.ids, b!.ids);
      assert.notDeepEqual(a!.ids, c!.ids);
    }),
  );

  it.effect("records the raw policy's log-prob whatever the temperature and top-k", () =>
    Effect.gen(function* () {
      const { answers } = yield* generate([request("a", 9, { temperature: 2.5, topK: 3 })]);
      const { ids, logProbs: recorded } = answers[0]!;
      const logP = logProbs(TINY, Int32Array.from([...tokens("a", 9), ...ids]));
      ids.forEach((id, t) =>
        assert.approximately(recorded[t]!, logP[(8 + t) * TINY.vocab_size + id]!, 1e-5),
      );
    }),
  );

  it.effect("stops at the end token, which it keeps, at a stop string, and at the limit", () =>
    Effect.gen(function* () {
      const long = { temperature: 1.5, maxTokens: 30 };
      const many = Array.from({ length: 12 }, (_, seed) => request(`p${seed}`, 6, long, seed));
      const { answers } = yield* generate(many);
      const ended = answers.find(({ stop }) => stop === "eos")!;
      assert.strictEqual(ended.ids.indexOf(1), ended.ids.length - 1);
      const [first] = answers;
      const text = Array.from(first!.ids, (id) => "abcdefghijk"[id]).join("");
      const stop = text.slice(2, 4);
      const stopped = { ...many[0]!, sampling: { ...many[0]!.sampling, stop: [stop] } };
      const [cut] = (yield* generate([stopped])).answers;
      assert.strictEqual(cut!.stop, "stop_string");
      assert.strictEqual(cut!.ids.length, text.indexOf(stop) + stop.length);
      const [short] = (yield* generate([request("a", 3, { maxTokens: 2 })])).answers;
      assert.strictEqual(short!.stop, "max_tokens");
      assert.strictEqual(short!.ids.length, 2);
    }),
  );

  it.effect("fills the context to its end and no further", () =>
    Effect.gen(function* () {
      const quiet = { ...TINY, eos_token_id: null };
      const { answers } = yield* generate([request("a", 40, { maxTokens: 99 })], quiet);
      assert.strictEqual(answers[0]!.stop, "max_tokens");
      assert.strictEqual(40 + answers[0]!.ids.length, TINY.max_position_embeddings);
    }),
  );

  it.effect("grows caches and drops stopped rows without changing an answer", () =>
    Effect.gen(function* () {
      const endless = { ...TINY, eos_token_id: null, max_position_embeddings: 128 };
      const requests = [
        request("long", 14, { maxTokens: 60, temperature: 1 }),
        ...["b", "c", "d", "e"].map((id) => request(id, 14, { maxTokens: 2 })),
      ];
      const { answers, programs } = yield* generate(requests, endless);
      assert.include(programs, "rearrange/8x64/1x64");
      assert.include(programs, "rearrange/1x64/1x96");
      const [alone] = (yield* generate(requests.slice(0, 1), endless)).answers;
      assert.strictEqual(alone!.ids.length, 60);
      assert.deepStrictEqual(answers[0]!.ids, alone!.ids);
      assert.deepStrictEqual(
        answers.slice(1).map(({ ids }) => ids.length),
        [2, 2, 2, 2],
      );
    }),
  );
});

describe("planGeneration", () => {
  const limits = { maxRows: 4, cacheBudget: 1e9, rowBytes: (C: number) => C, maxContext: 48 };

  it("keeps roles and top-k apart, orders by length, and depends on the list alone", () => {
    const requests = [
      request("a", 9),
      { ...request("b", 3), as: "teacher" as const },
      request("c", 2, { topK: 5 }),
      request("d", 4),
      request("e", 4),
    ];
    const groups = planGeneration(requests, limits);
    assert.deepStrictEqual(
      groups.map(({ indices }) => indices),
      [[3, 4, 0], [2], [1]],
    );
  });

  it("closes a group at its row limit and at its cache budget", () => {
    const requests = Array.from({ length: 9 }, (_, i) => request(`${i}`, 5));
    const sizes = (given: typeof limits) =>
      planGeneration(requests, given).map(({ indices }) => indices.length);
    assert.deepStrictEqual(sizes(limits), [4, 4, 1]);
    assert.deepStrictEqual(sizes({ ...limits, cacheBudget: 64 }), [2, 2, 2, 2, 1]);
  });

  it("generationRows() has few sizes, each at most a third larger than asked above eight", () => {
    const sizes = Array.from({ length: 64 }, (_, i) => generationRows(i + 1));
    assert.deepStrictEqual([...new Set(sizes)], [1, 2, 4, 8, 12, 16, 24, 32, 48, 64]);
  });

  it("bakesWeights() only for large models and long generations", () => {
    assert.isFalse(bakesWeights(800_000, 100));
    assert.isFalse(bakesWeights(30_000_000, 10));
    assert.isTrue(bakesWeights(30_000_000, 100));
  });
});
