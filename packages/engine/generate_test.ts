import { assert, describe, it } from "@effect/vitest";
import { type GenerateRequest, type Sampling, makeRandom } from "@resd/core";
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

/** Numbers of parameters that generation is told: of the second one, rows are refilled. */
const [SMALL, LARGE] = [1000, 1e7];

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

const generate = (
  requests: ReadonlyArray<GenerateRequest>,
  config = TINY,
  maxRows = 16,
  parameters = SMALL,
) =>
  Effect.gen(function* () {
    const compute = makeInterpreterCompute();
    const weights = weightsOf(config);
    const arrays = yield* putArrays(compute, parameterSpecs(config), ({ name }) =>
      weights.get(name)!,
    );
    const runs: Array<string> = [];
    const programs = makePrograms({
      ...compute,
      compile: (traced, options) =>
        Effect.map(compute.compile(traced, options), (program) => ({
          ...program,
          run: (inputs, wanted) => {
            runs.push(traced.name);
            return program.run(inputs, wanted);
          },
        })),
    });
    const context = {
      programs,
      config,
      parameters,
      ends: new Set(endTokenIds(config)),
      decode: (ids: Int32Array) => Array.from(ids, (id) => "abcdefghijk"[id]).join(""),
      maxRows,
    };
    const answers = yield* generateBatch(context, requests, () =>
      Effect.succeed({ arrays, version: "v" }),
    );
    assert.strictEqual(compute.liveArrays(), Object.keys(arrays).length); // no cache is left behind
    const steps = runs.filter((name) => name.startsWith("decode")).length;
    return { answers, programs: programs.keys(), steps };
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

  it.effect("gives each request the same tokens in any company, order and size of batch", () =>
    Effect.gen(function* () {
      const random = makeRandom("companies");
      const endless = { ...TINY, eos_token_id: [1, 4, 6, 8], max_position_embeddings: 96 };
      const requests = Array.from({ length: 14 }, (_, i) =>
        request(
          `r${i % 9}`,
          1 + random.int(40),
          {
            temperature: random.pick([0, 1.5, 3]),
            topP: random.pick([1, 0.8]),
            topK: random.pick([0, 0, 3]),
            maxTokens: random.pick([1, 5, 30, 30]),
            stop: random.pick([[], ["a", "ck", "f", "h", "j"]]),
          },
          random.int(5),
        ),
      );
      const alone = yield* Effect.forEach(requests, (one) =>
        Effect.map(generate([one], endless), ({ answers }) => answers[0]!),
      );
      assert.includeMembers(
        alone.map(({ stop }) => stop),
        ["eos", "stop_string", "max_tokens"],
      );
      const programs = new Set<string>();
      for (let round = 0; round < 5; round++) {
        const places = random.shuffle([...requests.keys()]).slice(0, 6 + random.int(9));
        const made = yield* generate(
          places.map((place) => requests[place]!),
          endless,
          [1, 2, 3, 4, 16][round % 5]!,
          round % 3 === 0 ? SMALL : LARGE,
        );
        made.programs.forEach((key) => programs.add(key.split("/")[0]!));
        made.answers.forEach((answer, i) => {
          const expected = alone[places[i]!]!;
          assert.deepStrictEqual(answer.ids, expected.ids, `round ${round}, request ${places[i]}`);
          assert.strictEqual(answer.stop, expected.stop);
          answer.logProbs.forEach((value, t) =>
            assert.approximately(value, expected.logProbs[t]!, 1e-6),
          );
        });
      }
      assert.includeMembers([...programs], ["join", "rearrange", "prefill", "decode"]);
    }),
  );

  it.effect("refills the rows of finished requests, a quarter of the batch at a time", () =>
    Effect.gen(function* () {
      const quiet = { ...TINY, eos_token_id: null };
      const requests = Array.from({ length: 20 }, (_, i) =>
        request(`q${i}`, 3, { maxTokens: i % 4 === 0 ? 30 : 2 }),
      );
      const { answers, programs, steps } = yield* generate(requests, quiet, 8, LARGE);
      assert.deepStrictEqual(
        answers.map(({ ids }) => ids.length),
        requests.map(({ sampling }) => sampling.maxTokens),
      );
      assert.includeMembers(
        [...programs],
        ["prefill/8x32/64/0", "decode/8x64/0/student", "prefill/2x32/64/0", "join/8x64/2"],
      );
      const grouped = yield* generate(requests, quiet, 8, SMALL);
      assert.isBelow(steps, 0.75 * grouped.steps);
      answers.forEach(({ ids }, i) => assert.deepStrictEqual(ids, grouped.answers[i]!.ids));
    }),
  );

  it.effect("finds a stop string however it lies across tokens", () =>
    Effect.gen(function* () {
      const endless = { ...TINY, eos_token_id: null };
      const hot = { temperature: 1.5, maxTokens: 24 };
      const whole = (yield* generate([request("s", 6, hot)], endless)).answers[0]!;
      const text = Array.from(whole.ids, (id) => "abcdefghijk"[id]).join("");
      for (const [at, length] of [
        [0, 1],
        [3, 4],
        [5, 9],
        [20, 4],
      ] as const) {
        const stop = ["nowhere", text.slice(at, at + length)];
        const [cut] = (yield* generate([request("s", 6, { ...hot, stop })], endless)).answers;
        const end = text.indexOf(stop[1]!) + length;
        assert.strictEqual(cut!.stop, "stop_string");
        assert.deepStrictEqual(cut!.ids, whole.ids.slice(0, end));
        assert.deepStrictEqual(cut!.logProbs, whole.logProbs.slice(0, end));
      }
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

  it("lets more requests wait than there are rows, where rows are refilled", () => {
    const requests = Array.from({ length: 9 }, (_, i) => request(`${i}`, 5 + (i % 2)));
    const plan = (given: typeof limits) => planGeneration(requests, { ...given, refills: true });
    const order = [0, 2, 4, 6, 8, 1, 3, 5, 7];
    const waiting = plan(limits);
    assert.lengthOf(waiting, 1);
    assert.sameMembers([...waiting[0]!.indices], order);
    assert.strictEqual(waiting[0]!.rows, 4);
    assert.strictEqual(plan({ ...limits, cacheBudget: 3 * 32 })[0]!.rows, 2);
    assert.strictEqual(plan({ ...limits, maxRows: 64 })[0]!.rows, 9);
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
