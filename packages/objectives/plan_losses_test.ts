import type { Distill, Mixture, PolicyGradient } from "@resd/core";
import { assert, describe, it } from "vitest";
import { coefficients } from "./aggregate.ts";
import { ObjectiveError } from "./error.ts";
import { type PlannedSample, planLosses } from "./plan_losses.ts";
import type { TokenReadings } from "./token_readings.ts";

const distill: Distill = {
  _tag: "Distill",
  alpha: 1,
  support: { _tag: "full" },
  aggregation: "token-mean",
  teacher: { _tag: "frozen" },
};
const reward: PolicyGradient = {
  _tag: "PolicyGradient",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: "token-mean",
};
const share = (lambda: number): Mixture => ({
  _tag: "Mixture",
  distill,
  reward: { ...reward, aggregation: "sample-mean" },
  route: { _tag: "share", lambda },
});
const outcome: Mixture = { _tag: "Mixture", distill, reward, route: { _tag: "outcome" } };

const sample = (
  mask: ReadonlyArray<number>,
  changes: Partial<PlannedSample> = {},
): PlannedSample => ({
  mask: Uint8Array.from(mask),
  weight: 1,
  taught: true,
  behaviour: mask.map(() => -1),
  ...changes,
});

const readings = (changes: Partial<TokenReadings> = {}): TokenReadings => ({
  logProb: [-1, -1, -1],
  teacherLogProb: [-1, -1, -1],
  studentEntropy: [1, 1, 1],
  teacherEntropy: [1, 1, 1],
  fullTeacherEntropy: [1, 1, 1],
  ...changes,
});

const context = { update: 0 };
const BATCH = [
  sample([1, 1, 0], { advantage: 2, weight: 3 }),
  sample([1, 1, 1], { taught: false, advantage: -1 }),
  sample([0, 1, 0]),
  sample([1, 0, 0], { taught: false }),
];
const closeTo = (got: ArrayLike<number> | undefined, expected: ReadonlyArray<number>) => {
  assert.isDefined(got);
  expected.forEach((x, i) => assert.closeTo(got?.[i] as number, x, 1e-12));
};

describe("planLosses()", () => {
  it("gives a distillation the coefficients of its taught samples, whoever else is in the batch", () => {
    const plans = planLosses(distill, BATCH, context);
    const c = coefficients({
      aggregation: "token-mean",
      masks: [
        [1, 1, 0],
        [0, 0, 0],
        [0, 1, 0],
        [0, 0, 0],
      ],
      weights: [3, 1, 1, 1],
    });
    plans.forEach((plan, i) => closeTo(plan.coefficients, Array.from(c[i]!)));
    assert.deepStrictEqual(
      plans.map(({ mask }) => Array.from(mask)),
      [
        [1, 1, 0],
        [0, 0, 0],
        [0, 1, 0],
        [0, 0, 0],
      ],
    );
  });

  it("repeats the advantages of a policy gradient, and leaves samples without one alone", () => {
    const [first, second, third] = planLosses(reward, BATCH, context);
    closeTo(first?.coefficients, [3 / 5, 3 / 5, 0]);
    closeTo(first?.advantages, [2, 2, 2]);
    closeTo(second?.advantages, [-1, -1, -1]);
    assert.isUndefined(third?.advantages);
    assert.deepStrictEqual(Array.from(third!.mask), [0, 0, 0]);
  });

  it("adds λ of one loss and 1 − λ of the other in a mixture by share, each with its own denominator", () => {
    const plans = planLosses(share(0.25), BATCH, context);
    assert.deepStrictEqual(
      plans.map((plan) => plan.objective._tag),
      ["Mixture", "PolicyGradient", "Distill", "Distill"],
    );
    // Token-mean over three taught tokens, with the success weight; sample-mean over four samples, without.
    closeTo(plans[0]?.coefficients, [0.25, 0.25, 0]);
    closeTo(plans[0]?.rewardCoefficients, [0.75 / 2 / 4, 0.75 / 2 / 4, 0]);
    closeTo(plans[1]?.coefficients, [0.75 / 3 / 4, 0.75 / 3 / 4, 0.75 / 3 / 4]);
    closeTo(plans[2]?.coefficients, [0, 0.25 / 3, 0]);
    assert.isFalse(plans[3]!.mask.includes(1));
  });

  it("sends a sample with a teacher there in a mixture by outcome, the others to the reward, over one denominator", () => {
    const plans = planLosses(outcome, BATCH, context);
    assert.deepStrictEqual(
      plans.map((plan) => plan.objective._tag),
      ["Distill", "PolicyGradient", "Distill", "Distill"],
    );
    // (Σ reward tokens + Σ distilled tokens) / 6 tokens.
    closeTo(plans[0]?.coefficients, [3 / 6, 3 / 6, 0]);
    closeTo(plans[1]?.coefficients, [1 / 6, 1 / 6, 1 / 6]);
    closeTo(plans[2]?.coefficients, [0, 1 / 6, 0]);
  });

  it("weighs distilled tokens by the teacher's entropy, within each sequence", () => {
    const plans = planLosses(
      { ...outcome, distill: { ...distill, entropyWeight: 1 } },
      BATCH,
      context,
      [
        readings({ fullTeacherEntropy: [0, Math.log(3), 7] }),
        readings(),
        readings({ fullTeacherEntropy: [9, 5, 9] }),
        undefined,
      ],
    );
    closeTo(plans[0]?.coefficients, [(3 * 1.5) / 6, (3 * 0.5) / 6, 0]);
    closeTo(plans[1]?.coefficients, [1 / 6, 1 / 6, 1 / 6]);
    closeTo(plans[2]?.coefficients, [0, 1 / 6, 0]);
  });

  it("leaves filtered tokens out of the denominator too", () => {
    const filtered: Distill = {
      ...distill,
      tokenFilter: { _tag: "entropy-share", share: 0.5, by: "teacher-high" },
    };
    const [first] = planLosses(filtered, BATCH, context, [
      readings({ teacherEntropy: [1, 2, 9] }),
      undefined,
      readings(),
    ]);
    assert.deepStrictEqual(Array.from(first!.mask), [0, 1, 0]);
    closeTo(first?.coefficients, [0, 3 / 2, 0]);
  });

  it("ramps along the trained tokens of a sequence", () => {
    const [first] = planLosses({ ...distill, positionRamp: 1 }, BATCH.slice(0, 1), context);
    closeTo(first?.coefficients, [3 / 2.5, 4.5 / 2.5, 0]);
  });

  it("weighs all tokens of a sequence by the ratio of the whole of it", () => {
    const importance = { clip: 2, over: "sequence" } as const;
    const read = [readings({ logProb: [-0.8, -0.9, 5] }), readings({ logProb: [0, 0, 0] })];
    const batch = BATCH.slice(0, 2);
    const [first, second] = planLosses({ ...reward, importance }, batch, context, read);
    closeTo(first?.coefficients, [0.6 * Math.exp(0.3), 0.6 * Math.exp(0.3), 0]);
    closeTo(second?.coefficients, [2 / 5, 2 / 5, 2 / 5]);
  });

  it("lets RLSD's teacher shape advantages, less with every update, where there is one", () => {
    const read = [
      readings({ teacherLogProb: [-0.9, -9, -1] }),
      readings({ teacherLogProb: [0, 0, 0] }),
    ];
    const rlsd = { ...reward, shaping: "rlsd" } as const;
    const [first, second] = planLosses(rlsd, BATCH.slice(0, 2), context, read);
    closeTo(first?.advantages, [2 * (0.5 + 0.5 * Math.exp(0.1)), 2 * (0.5 + 0.5 * 0.8), 2]);
    closeTo(second?.advantages, [-1, -1, -1]);
    const [late] = planLosses(rlsd, BATCH.slice(0, 1), { update: 50 }, read);
    closeTo(late?.advantages, [2, 2, 2]);
  });

  it("says which sample's readings are missing", () => {
    assert.throws(
      () => planLosses({ ...distill, entropyWeight: 1 }, BATCH, context),
      ObjectiveError,
      /got none of sample 0/,
    );
  });
});
