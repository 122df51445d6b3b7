import { assert, describe, it } from "@effect/vitest";
import { type DecoderConfig, parseConfig } from "@resd/models";
import { graphCost, lower, PASSES } from "@resd/tensor";
import { Effect, Result } from "effect";
import { DISTILL } from "../fixtures/objectives.ts";
import { TINY, TINY_LLAMA } from "../fixtures/tiny_model.ts";
import { layOutBatch, type UpdateLimits } from "../update_batch.ts";
import { updateProgram } from "../update_program.ts";
import { trainSample } from "../fixtures/trainee.ts";
import { fitLimits, PROCESS_BYTES, restingBytes } from "./fit_limits.ts";
import { memoryParts } from "./memory_parts.ts";
import { planRun } from "./run_plan.ts";
import { roughWorkingBytes, updateCost } from "./update_cost.ts";

const DEEP: DecoderConfig = { ...TINY_LLAMA, num_hidden_layers: 9 };
const SHAPE = {
  B: 2,
  studentLength: 32,
  teacherLength: 32,
  N: 16,
  chunk: 16,
  checkpoint: false,
};
const ADAMW = { _tag: "AdamW" } as const;

const SMOLLM2 = Effect.runSync(
  parseConfig({
    model_type: "llama",
    hidden_size: 576,
    num_hidden_layers: 30,
    vocab_size: 49_152,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    intermediate_size: 1536,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    max_position_embeddings: 8192,
    tie_word_embeddings: true,
    eos_token_id: 2,
  }),
);

const RUN = {
  config: SMOLLM2,
  objective: DISTILL,
  optimizer: ADAMW,
  samples: 8,
  prompt: 256,
  teacherPrompt: 512,
  answer: 128,
  budget: 12 * 2 ** 30,
  limits: { maxBinding: 2 ** 31, maxBuffer: 2 ** 31 },
};

describe("updateCost()", () => {
  it("knows a deep model from a few of its layers", () => {
    for (const checkpoint of [false, true]) {
      const shape = { ...SHAPE, checkpoint };
      const { graph } = updateProgram(DEEP, DISTILL, shape);
      const whole = graphCost(lower(graph, (op) => !PASSES.has(op)));
      const cost = updateCost(DEEP, DISTILL, shape);
      assert.approximately(cost.operations / whole.operations, 1, 0.001);
      assert.approximately(cost.working / whole.working, 1, 0.05);
      assert.strictEqual(cost.outputs, whole.outputs);
    }
  });

  it("sees that blocks computed twice, and logits in chunks, take less memory", () => {
    const cost = (more: Partial<typeof SHAPE>) =>
      updateCost(SMOLLM2, DISTILL, { ...SHAPE, studentLength: 512, N: 1024, chunk: 1024, ...more });
    const [kept, again, chunked] = [
      cost({}),
      cost({ checkpoint: true }),
      cost({ checkpoint: true, chunk: 128 }),
    ];
    assert.isBelow(again.working, kept.working / 2);
    assert.isBelow(chunked.working, again.working);
    assert.isBelow(again.operations, kept.operations * 1.4);
  });

  it("stays below the estimate that looks at sizes alone", () => {
    for (const config of [TINY, DEEP, SMOLLM2]) {
      assert.isBelow(updateCost(config, DISTILL, SHAPE).working, roughWorkingBytes(config, SHAPE));
    }
  });
});

describe("memoryParts()", () => {
  it("counts weights, two moments, gradients and a teacher of its own", () => {
    const bytes = 4 * 134_515_008;
    assert.deepEqual(memoryParts(SMOLLM2, ADAMW, DISTILL), {
      weights: bytes,
      optimizer: 2 * bytes,
      teacher: bytes,
      gradients: 2 * bytes,
    });
    const live = { ...DISTILL, teacher: { _tag: "live" } } as const;
    assert.strictEqual(memoryParts(SMOLLM2, ADAMW, live).teacher, 0);
    assert.isBelow(memoryParts(SMOLLM2, { _tag: "Muon" }, live).optimizer, 1.3 * bytes);
  });

  it("counts of an adapter only what is trained", () => {
    const lora = {
      r: 8,
      lora_alpha: 16,
      use_rslora: false,
      maps: ["model.layers.0.self_attn.q_proj", "model.layers.29.self_attn.q_proj"],
    };
    const { weights, optimizer, teacher } = memoryParts({ ...SMOLLM2, lora }, ADAMW, DISTILL);
    const adapter = 4 * 2 * 8 * (576 + 576);
    assert.strictEqual(weights, 4 * 134_515_008 + adapter);
    assert.strictEqual(optimizer, 2 * adapter);
    assert.strictEqual(teacher, adapter);
  });
});

describe("fitLimits()", () => {
  const batch = ["a", "b", "c", "d"].map((id) => trainSample(id, 20, 12));
  const plans = batch.map(({ mask }) => ({
    objective: DISTILL,
    mask,
    coefficients: new Float64Array(mask.length).fill(0.1),
  }));
  const limits: UpdateLimits = { tokens: 4096, rows: 1000 };
  const layOut = (cut: UpdateLimits) => layOutBatch(batch, plans, DEEP, cut);
  const fit = (budget: number | undefined) =>
    fitLimits({ config: DEEP, objective: DISTILL, optimizer: ADAMW, limits, budget }, layOut);
  const resting = restingBytes({ config: DEEP, objective: DISTILL, optimizer: ADAMW });

  it("changes nothing where there is room", () => {
    for (const budget of [undefined, 2 ** 40]) {
      const found = Result.getOrThrow(fit(budget));
      assert.strictEqual(found.limits, limits);
      assert.lengthOf(found.microBatches, 1);
    }
  });

  it("cuts smaller and smaller, and computes blocks twice, as the budget shrinks", () => {
    const whole = updateCost(DEEP, DISTILL, layOut(limits)[0]!.shape).working;
    const seen = [1, 0.6, 0.3, 0.12].map((share) => {
      const found = Result.getOrThrow(fit(resting + whole * share));
      assert.isAtMost(found.activations, whole * share);
      return { count: found.microBatches.length, checkpoint: found.limits.checkpoint === true };
    });
    assert.deepEqual(seen[0], { count: 1, checkpoint: false });
    assert.isTrue(seen.at(-1)!.checkpoint);
    for (const [i, { count }] of seen.slice(1).entries()) {
      assert.isTrue(count > seen[i]!.count || seen[i + 1]!.checkpoint);
    }
  });

  it("refuses a batch that does not fit however it is cut, with what it takes", () => {
    const error = Result.getOrThrow(Result.flip(fit(PROCESS_BYTES)));
    assert.strictEqual(error.reason, "bad-request");
    assert.match(error.message, /Expected an update within 0\.50 GiB, got one that takes at least/);
  });
});

describe("planRun()", () => {
  it.effect("adds up its parts, and cuts more finely for a smaller budget", () =>
    Effect.gen(function* () {
      const wide = yield* planRun(RUN);
      const { memory } = wide;
      const { process: own, weights, optimizer, teacher, gradients, activations } = memory;
      assert.strictEqual(
        memory.peak,
        own +
          weights +
          optimizer +
          teacher +
          Math.max(gradients + activations, memory.cache + memory.packed),
      );
      assert.isFalse(wide.update.checkpoint);
      assert.strictEqual(wide.largest.name, "model.embed_tokens.weight");
      const tight = yield* planRun({ ...RUN, budget: 4.4 * 2 ** 30 });
      assert.isAtMost(tight.memory.peak, 4.4 * 2 ** 30);
      assert.isTrue(
        tight.update.checkpoint || tight.update.microBatches > wide.update.microBatches,
      );
    }),
  );

  it.effect("refuses a budget that nothing fits into, and arrays that the device cannot hold", () =>
    Effect.gen(function* () {
      const little = yield* Effect.flip(planRun({ ...RUN, budget: 2 ** 30 }));
      assert.match(little.message, /within 1\.00 GiB, got one that takes at least 4\.\d\d GiB/);
      const pieces = { maxBinding: 100 * 2 ** 20, maxBuffer: 2 ** 31 };
      assert.strictEqual((yield* planRun({ ...RUN, limits: pieces })).largest.shape[0], 49152);
      const limits = { maxBinding: 100 * 2 ** 20, maxBuffer: 100 * 2 ** 20 };
      const large = yield* Effect.flip(planRun({ ...RUN, limits }));
      assert.match(
        large.message,
        /at most 100 MiB, .* got model\.embed_tokens\.weight \[49152, 576\] of 108 MiB/,
      );
    }),
  );
});
