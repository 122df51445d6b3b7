import { assert, describe, it } from "@effect/vitest";
import { makeRandom, type Objective, type TrainSample } from "@resd/core";
import { type DecoderConfig, initialize } from "@resd/models";
import { planLosses, type TokenReadings } from "@resd/objectives";
import { interpret, type Values } from "@resd/tensor";
import { OBJECTIVES } from "./fixtures/objectives.ts";
import { TINY, TINY_LLAMA } from "./fixtures/tiny_model.ts";
import { trainSample } from "./fixtures/trainee.ts";
import { layOutBatch, type UpdateLimits } from "./update_batch.ts";
import { readingProgram, statisticsOf, updateProgram } from "./update_program.ts";

const { teacher: _teacher, ...untaught } = trainSample("e", 6, 6);

const BATCH: ReadonlyArray<TrainSample> = [
  trainSample("a", 5, 7),
  trainSample("b", 9, 3, { weight: 0.5 }),
  trainSample("c", 3, 11, { weight: 1.5 }),
  { ...untaught, signal: "none:no-teacher" as const },
].map((sample, i) => ({ ...sample, advantage: i - 1.5 }));

const WHOLE: UpdateLimits = { tokens: 100_000, rows: 100_000 };

/** Any budget of tokens and rows, from one row at a time to almost everything at once. */
const limitsOf = (seed: number): UpdateLimits => {
  const random = makeRandom("limits", seed);
  return {
    tokens: 1 + random.int(400),
    rows: 1 + random.int(20),
    checkpoint: random.int(2) === 1,
  };
};

const weightsOf = (config: DecoderConfig): Record<string, Float32Array> => {
  const inputs: Record<string, Float32Array> = { "teacher/rate": Float32Array.of(0.25) };
  for (const [prefix, seed] of [
    ["s/", 9],
    ["t/", 4],
  ] as const) {
    for (const [name, values] of initialize(config, seed)) {
      inputs[prefix + name] =
        name === "model.embed_tokens.weight" ? values.map((x) => x * 20) : values;
    }
  }
  return inputs;
};

/** Made up: what they are decides weights of tokens, and those are the same for every budget. */
const readingsOf = ({ mask }: TrainSample): TokenReadings => {
  const values = (phase: number) =>
    Float64Array.from(mask, (_bit, t) => -1.5 + Math.sin(phase + t));
  return {
    logProb: values(0),
    teacherLogProb: values(1),
    studentEntropy: values(2).map(Math.abs),
    teacherEntropy: values(3).map(Math.abs),
    fullTeacherEntropy: values(4).map(Math.abs),
  };
};

interface Result {
  /** Sums over micro-batches. */
  readonly gradients: Map<string, Float64Array>;
  /** By sample, in its order. */
  readonly statistics: Map<string, ReadonlyArray<number>>;
}

/** One update's gradients and statistics in f64, under a budget. */
const updateOf = (config: DecoderConfig, objective: Objective, limits: UpdateLimits): Result => {
  const planned = BATCH.map(({ teacher, ...sample }) => ({
    ...sample,
    taught: teacher !== undefined,
  }));
  const plans = planLosses(objective, planned, { update: 1, horizon: 20 }, BATCH.map(readingsOf));
  const weights = weightsOf(config);
  const gradients = new Map<string, Float64Array>();
  const statistics = new Map<string, ReadonlyArray<number>>();
  for (const { shape, data, objective: own, samples } of layOutBatch(
    BATCH,
    plans,
    config,
    limits,
  )) {
    assert.isAtMost(shape.chunk, limits.rows);
    const values = interpret(updateProgram(config, own, shape).graph, { ...weights, ...data });
    for (const [name, grad] of Object.entries(values)) {
      if (!name.startsWith("g/")) continue;
      const total = gradients.get(name) ?? new Float64Array(grad.length);
      gradients.set(name, total);
      for (let i = 0; i < grad.length; i++) total[i]! += grad[i]!;
    }
    for (const { sample, start, count } of samples) {
      for (const name of statisticsOf(own)) {
        const rows = [...(values[name] as Values).subarray(start, start + count)];
        statistics.set(`${sample}/${name}`, rows);
      }
    }
  }
  return { gradients, statistics };
};

const assertSame = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void => {
  assert.strictEqual(actual.length, expected.length, what);
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    assert.isAtMost(difference, 1e-12 * Math.max(1, Math.abs(expected[i]!)), `${what}, at ${i}`);
  }
};

const SEEDS = Number(process.env["RESD_PROPERTY_RUNS"] ?? 3);

describe("updateProgram()", () => {
  for (const [name, objective] of OBJECTIVES) {
    it(`has the batch's gradient for any cut into micro-batches and chunks of rows, kept or checkpointed: ${name}`, () => {
      for (const [index, config] of [TINY, TINY_LLAMA].entries()) {
        const whole = updateOf(config, objective, WHOLE);
        assert.isAbove(Math.max(...[...whole.gradients.values()].map((g) => Math.max(...g))), 0);
        for (let seed = index; seed < SEEDS; seed += 2) {
          const limits = limitsOf(seed);
          const cut = updateOf(config, objective, limits);
          const where = `${name}, ${config.model_type}, ${JSON.stringify(limits)}`;
          for (const [key, grad] of whole.gradients) {
            assertSame(cut.gradients.get(key)!, grad, `${key}, ${where}`);
          }
          for (const [key, rows] of whole.statistics) {
            assertSame(cut.statistics.get(key)!, rows, `${key}, ${where}`);
          }
        }
      }
    });
  }

  it("never has more rows of logits than a chunk", () => {
    const [, objective] = OBJECTIVES[0]!;
    const shape = {
      B: 2,
      studentLength: 32,
      teacherLength: 32,
      N: 24,
      chunk: 5,
      checkpoint: false,
    };
    const { graph } = updateProgram(TINY, objective, shape);
    const wide = graph.nodes.flatMap(({ outputs }) =>
      outputs.filter(({ shape: [, V] }) => V === TINY.vocab_size),
    );
    assert.isAtLeast(wide.length, 5);
    for (const {
      shape: [rows],
    } of wide)
      assert.isAtMost(rows!, 5);
  });
});

describe("readingProgram()", () => {
  it("reads the same in chunks of rows", () => {
    const inputs = weightsOf(TINY);
    for (const [name, objective] of OBJECTIVES.slice(0, 6)) {
      const shape = {
        B: 1,
        studentLength: 16,
        teacherLength: 32,
        N: 7,
        chunk: 7,
        checkpoint: false,
      };
      const data = {
        "student/ids": Int32Array.from({ length: 16 }, (_, i) => i % 11),
        "teacher/ids": Int32Array.from({ length: 32 }, (_, i) => (3 * i) % 11),
        "student/rows": Int32Array.from({ length: 7 }, (_, i) => i + 2),
        "teacher/rows": Int32Array.from({ length: 7 }, (_, i) => i + 9),
        targets: Int32Array.from({ length: 7 }, (_, i) => i),
      };
      const read = (chunk: number) =>
        interpret(readingProgram(TINY, objective, { ...shape, chunk }).graph, {
          ...inputs,
          ...data,
        });
      const whole = read(7);
      for (const chunk of [1, 3, 6]) {
        for (const [key, values] of Object.entries(read(chunk))) {
          assertSame(values, whole[key]!, `${key} of ${name} by ${chunk}`);
        }
      }
    }
  });
});
