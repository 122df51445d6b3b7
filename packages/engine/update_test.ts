import { assert, describe, it } from "@effect/vitest";
import type { Aggregation, Objective, TrainSample } from "@resd/core";
import { makeInterpreterCompute } from "@resd/testing";
import { Effect } from "effect";
import { getArrays } from "./arrays.ts";
import { DISTILL, GRPO, OBJECTIVES } from "./fixtures/objectives.ts";
import { makeTrainee, trainSample } from "./fixtures/trainee.ts";
import { scoreBatch } from "./score.ts";
import { runUpdate, type Trainee } from "./update.ts";

const { teacher: _, ...untaught } = trainSample("e", 6, 6);

const BATCH: ReadonlyArray<TrainSample> = [
  trainSample("a", 5, 7),
  trainSample("b", 12, 3, { weight: 0.5 }),
  trainSample("c", 3, 14, { weight: 1.5 }),
  trainSample("d", 20, 9),
  { ...untaught, signal: "none:no-teacher" },
];

const withAdvantages = BATCH.map((sample, i) => ({ ...sample, advantage: i - 1.5 }));

const weightsOf = (trainee: Trainee) => getArrays(trainee.programs.compute, trainee.student);

const largestDifference = (
  a: ReadonlyMap<string, Float32Array>,
  b: ReadonlyMap<string, Float32Array>,
): number =>
  Math.max(
    ...[...a].map(([name, values]) =>
      Math.max(...values.map((value, i) => Math.abs(value - b.get(name)![i]!))),
    ),
  );

describe("runUpdate", () => {
  for (const [name, objective] of OBJECTIVES) {
    it.effect(`takes the same step for any micro-batch size and sample order: ${name}`, () =>
      Effect.gen(function* () {
        const results = [];
        for (const [tokens, batch] of [
          [100_000, withAdvantages],
          [128, withAdvantages],
          [1, withAdvantages.toReversed()],
        ] as const) {
          const trainee = yield* makeTrainee(makeInterpreterCompute(), { tokens });
          const report = yield* runUpdate(trainee, batch, objective, { lr: 0.01, clipNorm: 0.05 });
          results.push({ report, weights: yield* weightsOf(trainee) });
        }
        const [one, ...others] = results;
        assert.isAbove(one!.report.gradNorm, 0);
        assert.isAbove(one!.report.paramDeltaNorm, 0);
        for (const { report, weights } of others) {
          assert.approximately(report.gradNorm, one!.report.gradNorm, 1e-6);
          assert.approximately(report.loss, one!.report.loss, 1e-6);
          assert.isBelow(largestDifference(weights, one!.weights), 1e-6);
          for (const sample of report.samples) {
            const same = one!.report.samples.find(({ id }) => id === sample.id)!;
            assert.approximately(sample.loss, same.loss, 1e-6);
            assert.approximately(sample.divergence, same.divergence, 1e-6);
            assert.strictEqual(sample.tokens, same.tokens);
          }
        }
      }),
    );
  }

  for (const aggregation of [
    "token-mean",
    "seq-mean-token-mean",
    "seq-mean-token-sum",
    "seq-mean-token-sum-norm",
    "sample-mean",
  ] satisfies ReadonlyArray<Aggregation>) {
    it.effect(`adds up to the batch's ${aggregation} of divergences`, () =>
      Effect.gen(function* () {
        const trainee = yield* makeTrainee(makeInterpreterCompute());
        const { loss, samples } = yield* runUpdate(
          trainee,
          BATCH,
          { ...DISTILL, aggregation },
          { lr: 0 },
        );
        const trained = samples.filter(({ tokens }) => tokens > 0);
        const weight = (id: string) => BATCH.find((sample) => sample.id === id)!.weight;
        const all = trained.reduce((sum, { tokens }) => sum + tokens, 0);
        const denominator = {
          "token-mean": () => all,
          "seq-mean-token-mean": (tokens: number) => tokens * trained.length,
          "seq-mean-token-sum": () => trained.length,
          "seq-mean-token-sum-norm": () => 20,
          "sample-mean": (tokens: number) => tokens * BATCH.length,
        }[aggregation];
        const expected = trained.reduce(
          (sum, { id, divergence, tokens }) =>
            sum + (weight(id) * divergence * tokens) / denominator(tokens),
          0,
        );
        assert.approximately(loss, expected, 1e-6);
        assert.strictEqual(samples[4]!.tokens, 0);
      }),
    );
  }

  it.effect("brings the student nearer to its teacher", () =>
    Effect.gen(function* () {
      const trainee = yield* makeTrainee(makeInterpreterCompute());
      const divergences: Array<number> = [];
      for (let i = 0; i < 8; i++) {
        const { samples } = yield* runUpdate(trainee, BATCH, DISTILL, { lr: 0.01, clipNorm: 1 });
        divergences.push(samples.reduce((sum, { divergence }) => sum + divergence, 0));
      }
      assert.isBelow(divergences.at(-1)!, divergences[0]! / 2);
    }),
  );

  it.effect("reports what a score of the same tokens says", () =>
    Effect.gen(function* () {
      const trainee = yield* makeTrainee(makeInterpreterCompute());
      const context = { ...trainee, microBatchTokens: 64 };
      const arrays = trainee.student;
      const student = BATCH[3]!.student;
      const teacher = BATCH[3]!.teacher!;
      const [own, taught] = yield* scoreBatch(
        context,
        [
          { ...student, as: "student" },
          { ...teacher, as: "student" },
        ],
        () => Effect.succeed({ arrays, version: "" }),
      );
      const behaviour = own!.logProbs.map((value) => value + 0.5);
      const batch = [{ ...BATCH[3]!, behaviour }];
      const { samples, logProbGap } = yield* runUpdate(trainee, batch, DISTILL, { lr: 0 });
      assert.approximately(logProbGap, 0.5, 1e-6);
      const positions = [...BATCH[3]!.mask.keys()].filter((t) => BATCH[3]!.mask[t] === 1);
      positions.forEach((t, i) =>
        assert.approximately(
          samples[0]!.logRatio![i]!,
          taught!.logProbs[t]! - own!.logProbs[t]!,
          1e-5,
        ),
      );
    }),
  );

  it.effect("moves neither student nor teacher when the norm is not finite", () =>
    Effect.gen(function* () {
      const trainee = yield* makeTrainee(makeInterpreterCompute());
      const rule = { ...DISTILL, teacher: { _tag: "ema", rate: 0.5 } } as const;
      yield* runUpdate(trainee, BATCH, rule, { lr: 0.1 });
      const before = yield* weightsOf(trainee);
      const teacherBefore = yield* getArrays(trainee.programs.compute, trainee.teacher.arrays()!);
      const bad = withAdvantages.map((sample) => ({
        ...sample,
        advantage: Number.POSITIVE_INFINITY,
      }));
      const report = yield* runUpdate(trainee, bad, GRPO, { lr: 0.1, clipNorm: 1 });
      assert.include(report.skipped, "not finite");
      assert.strictEqual(report.paramDeltaNorm, 0);
      assert.strictEqual((yield* trainee.optimizer.state).steps, 1);
      assert.deepStrictEqual(yield* weightsOf(trainee), before);
      assert.deepStrictEqual(
        yield* getArrays(trainee.programs.compute, trainee.teacher.arrays()!),
        teacherBefore,
      );
    }),
  );

  it.effect("still takes a step on a batch without a signal: loss 0, momentum acts", () =>
    Effect.gen(function* () {
      const compute = makeInterpreterCompute();
      const trainee = yield* makeTrainee(compute);
      yield* runUpdate(trainee, BATCH, DISTILL, { lr: 0.01 });
      const report = yield* runUpdate(trainee, BATCH.slice(4), DISTILL, { lr: 0.01 });
      assert.strictEqual(report.loss, 0);
      assert.strictEqual(report.gradNorm, 0);
      assert.isAbove(report.paramDeltaNorm, 0);
      const live = compute.liveArrays();
      yield* runUpdate(trainee, BATCH, DISTILL, { lr: 0.01 });
      assert.strictEqual(compute.liveArrays(), live); // nothing leaks from update to update
    }),
  );

  it.effect("refuses samples that cannot be what they say, naming them", () =>
    Effect.gen(function* () {
      const trainee = yield* makeTrainee(makeInterpreterCompute());
      const message = (sample: TrainSample, objective: Objective = DISTILL) =>
        Effect.map(
          Effect.flip(runUpdate(trainee, [BATCH[0]!, sample], objective, { lr: 0.1 })),
          (error) => `${"reason" in error ? error.reason : error._tag}: ${error.message}`,
        );
      const b = BATCH[1]!;
      const other = Int32Array.from(b.teacher!.ids);
      other[other.length - 2] = (other[other.length - 2]! + 1) % 11;
      const differs = yield* message({ ...b, teacher: { ...b.teacher!, ids: other } });
      assert.match(differs, /^bad-request: .*differ from token 1 on, at sample b; append/u);
      const short = yield* message({ ...b, mask: b.mask.slice(1) });
      assert.match(
        short,
        /^bad-request: Expected a mask and log-probs for 3 suffix tokens, got 2/u,
      );
      assert.match(
        yield* message(trainSample("long", 45, 8)),
        /^context-overflow: .*at most 48 tokens, got 53/u,
      );
      const nothing = yield* Effect.flip(runUpdate(trainee, BATCH, GRPO, { lr: 0.1 }));
      assert.include(nothing.message, "advantage on at least one of 5");
    }),
  );
});
