import type { Distill, Mixture, Objective, PolicyGradient, PolicyShape } from "@resd/core";
import { assert, describe as suite, it } from "vitest";
import { checkObjective } from "./check.ts";
import { describe } from "./describe.ts";
import { ObjectiveError } from "./error.ts";
import { needs, unmetNeeds } from "./needs.ts";

const distill: Distill = {
  _tag: "Distill",
  alpha: 1,
  support: { _tag: "top-k", k: 20, rest: "renormalize" },
  ratioMin: 0.2,
  aggregation: "token-mean",
  teacher: { _tag: "ema", rate: 0.01 },
};
const rlsd: Objective = {
  _tag: "PolicyGradient",
  shaping: "rlsd",
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: "token-mean",
};
const grpo: PolicyGradient = {
  _tag: "PolicyGradient",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: "token-mean",
};
const mixtureOf = (reward: PolicyGradient): Mixture => ({
  _tag: "Mixture",
  distill,
  reward,
  route: { _tag: "share", lambda: 0.25 },
});
const capable: PolicyShape["capabilities"] = {
  objectives: ["bucket-kl", "sampled-kl", "policy-gradient", "cross-entropy"],
  topK: "full",
  teachers: ["frozen", "ema", "live"],
  rawLogProbs: true,
  gradClip: true,
  deterministic: true,
};

suite("needs()", () => {
  it("names kind, top-k and teacher of a distillation", () => {
    assert.deepStrictEqual(needs(distill), {
      kinds: ["bucket-kl"],
      topK: 20,
      teacher: "ema",
      rawLogProbs: false,
    });
    assert.strictEqual(needs({ ...distill, support: { _tag: "full" } }).topK, "full");
    assert.deepStrictEqual(needs({ ...distill, support: { _tag: "sampled-token" } }).kinds, [
      "sampled-kl",
    ]);
  });

  it("asks for the live student as teacher with RLSD shaping, and for none with GRPO", () => {
    assert.strictEqual(needs(rlsd).teacher, "live");
    assert.isUndefined(needs({ ...rlsd, shaping: "grpo" } as Objective).teacher);
  });
});

suite("needs() of what was added to an objective", () => {
  it("names every kind that is needed, of a mixture those of both parts", () => {
    const options: Partial<Distill> = {
      target: { beta: 0.5, space: "logits" },
      positionRamp: 1,
    };
    assert.deepStrictEqual(needs({ ...distill, ...options }).kinds, [
      "bucket-kl",
      "token-weights",
      "targets",
    ]);
    const mixture = mixtureOf({ ...grpo, importance: { clip: 2, over: "token" } });
    assert.deepStrictEqual(needs(mixture), {
      kinds: ["mixture", "bucket-kl", "policy-gradient", "token-weights"],
      topK: 20,
      teacher: "ema",
      rawLogProbs: true,
    });
    assert.lengthOf(unmetNeeds(mixture, capable), 2);
  });
});

suite("unmetNeeds()", () => {
  it("is empty when the policy can compute the objective", () => {
    assert.deepStrictEqual(unmetNeeds(distill, capable), []);
    assert.deepStrictEqual(unmetNeeds(rlsd, capable), []);
  });

  it("says of every missing capability what is needed, what is given and what to do", () => {
    const weak = { ...capable, topK: 5, teachers: ["frozen"], objectives: ["sampled-kl"] } as const;
    const unmet = unmetNeeds(distill, weak);
    assert.strictEqual(unmet.length, 3);
    assert.include(unmet[0], "bucket-kl");
    assert.include(unmet[1], "lower top-k to 5");
    assert.include(unmet[2], "ema");
    assert.lengthOf(
      unmetNeeds({ ...distill, support: { _tag: "full" } }, { ...capable, topK: 5 }),
      1,
    );
    assert.lengthOf(unmetNeeds(rlsd, { ...capable, rawLogProbs: false }), 1);
  });
});

suite("describe()", () => {
  it("says an objective in one line", () => {
    assert.strictEqual(
      describe(distill),
      "reverse KL over the student's top 20, renormalised, 0.2 ≤ teacher/student, token-mean, EMA teacher, rate 0.01",
    );
    assert.strictEqual(
      describe({ _tag: "CrossEntropy", aggregation: "token-mean" }),
      "cross-entropy, token-mean",
    );
    assert.include(describe({ ...distill, alpha: 0.5 }), "Jensen–Shannon");
    assert.include(describe({ ...distill, alpha: 0 }), "forward KL");
    assert.include(describe(rlsd), "RLSD");
    assert.include(describe({ ...grpo, normalize: false }), "advantages not normalized");
    assert.match(describe(mixtureOf(grpo)), /^0.25 × \(reverse KL.*\) \+ 0.75 × \(policy gradient/);
    assert.match(
      describe({ ...mixtureOf(grpo), route: { _tag: "outcome" } }),
      /^failures with a lesson: reverse KL.*; the others: policy gradient/,
    );
    const all = describe({
      ...distill,
      target: { beta: 0.5, space: "logits" },
      importance: { clip: 2, over: "sequence" },
      tokenFilter: { _tag: "entropy-share", share: 0.2, by: "ratio" },
      entropyWeight: 1,
      positionRamp: 0.5,
    });
    for (const part of [
      "0.5 of the way",
      "by sequence up to 2",
      "by ratio",
      "exp(−1·H_T)",
      "ramp 0.5",
    ]) {
      assert.include(all, part);
    }
  });
});

suite("checkObjective()", () => {
  it("refuses settings that contradict each other and accepts the others", () => {
    checkObjective(distill);
    checkObjective(rlsd);
    checkObjective(mixtureOf({ ...grpo, aggregation: "sample-mean" }));
    checkObjective({ ...distill, target: { beta: 1.5, space: "logits" } });
    const refused: ReadonlyArray<Objective> = [
      { ...distill, alpha: 0.5, support: { _tag: "sampled-token" } },
      { ...distill, ratioMin: 0.5, ratioMax: 0.3 },
      { ...grpo, clipLow: 1.5 },
      { ...distill, target: { beta: 1.5, space: "probabilities" } },
      mixtureOf({ ...grpo, shaping: "rlsd" }),
      mixtureOf({ ...grpo, clipLow: 1.5 }),
      { ...mixtureOf({ ...grpo, aggregation: "sample-mean" }), route: { _tag: "outcome" } },
      {
        ...mixtureOf(grpo),
        distill: { ...distill, positionRamp: 1 },
        route: { _tag: "outcome" },
      },
    ];
    for (const objective of refused) assert.throws(() => checkObjective(objective), ObjectiveError);
  });
});
