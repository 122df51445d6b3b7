import { Schema } from "effect";
import { assert, describe, it } from "vitest";
import { ResdConfig } from "./config.ts";
import { type PresetName, presets } from "./presets.ts";

/** One row per value of the table of presets; columns in the order of `names`. */
const names = ["kestrel", "paper/manufactoria", "released/manufactoria"] as const;
const distill = (config: ResdConfig) => {
  assert(config.objective._tag === "Distill");
  return config.objective;
};
const get = (name: PresetName): ResdConfig => presets[name];

describe("presets", () => {
  it.each(Object.keys(presets) as Array<PresetName>)(
    "presets survives its own schema without excess keys, for %s",
    (name) => {
      const decoded = Schema.decodeUnknownSync(ResdConfig, { onExcessProperty: "error" })(
        structuredClone(presets[name]),
      );
      assert.deepEqual(decoded, presets[name]);
    },
  );

  it.each<[string, (config: ResdConfig) => unknown, ReadonlyArray<unknown>]>([
    ["B", (c) => c.batchSize, [16, 32, 32]],
    ["n", (c) => c.rolloutsPerPrompt, [1, 1, 1]],
    ["K", (c) => c.updatesPerBatch, [4, 4, 4]],
    ["updates", (c) => c.updates, [60, 92, 92]],
    [
      "one asserted epoch",
      (c) => [c.epochs, c.singlePass],
      [
        [undefined, false],
        [1, true],
        [1, true],
      ],
    ],
    ["alpha", (c) => distill(c).alpha, [1, 1, 1]],
    [
      "support",
      (c) => distill(c).support,
      [
        { _tag: "top-k", k: 20, rest: "renormalize" },
        { _tag: "top-k", k: 100, rest: "tail" },
        { _tag: "top-k", k: 100, rest: "tail" },
      ],
    ],
    ["ratio min", (c) => distill(c).ratioMin, [0.2, 0.2, 0.2]],
    ["ratio max", (c) => distill(c).ratioMax, [undefined, 5, undefined]],
    ["aggregation", (c) => distill(c).aggregation, ["token-mean", "sample-mean", "sample-mean"]],
    ["success weights", (c) => c.successWeights, [false, false, true]],
    [
      "teacher",
      (c) => distill(c).teacher,
      [{ _tag: "ema", rate: 0.01 }, { _tag: "ema", rate: 1e-4 }, { _tag: "frozen" }],
    ],
    ["lr", (c) => c.lr, [1.5e-3, 1e-6, 1e-6]],
    [
      "optimizer",
      (c) => c.optimizer,
      [
        { name: "adamw", betas: [0.9, 0.99], weightDecay: 0, eps: 1e-8 },
        { name: "adamw", betas: [0.9, 0.999], weightDecay: 0.01, eps: 1e-8 },
        { name: "adamw", betas: [0.9, 0.999], weightDecay: 0.01, eps: 1e-8 },
      ],
    ],
    [
      "warm-up",
      (c) => c.warmup,
      [
        { updates: 5, from: "first-step" },
        { updates: 10, from: "zero" },
        { updates: 10, from: "zero" },
      ],
    ],
    ["clip", (c) => c.clipNorm, [1, 1, 1]],
    [
      "temperatures of rollout, reflection, evaluation",
      (c) =>
        [c.sampling.rollout, c.sampling.reflect, c.sampling.evaluate].map((s) => s.temperature),
      [
        [1, 0.5, 1],
        [1, 1, 0.6],
        [1, 1, 0.6],
      ],
    ],
    [
      "top-p of rollout, reflection, evaluation",
      (c) => [c.sampling.rollout, c.sampling.reflect, c.sampling.evaluate].map((s) => s.topP),
      [
        [1, 1, 1],
        [0.95, 0.95, 0.95],
        [0.95, 0.95, 0.95],
      ],
    ],
    [
      "concise",
      (c) => c.concise,
      [
        { method: "staleness", every: 4, cap: 20, window: 40, afterCuration: true },
        { method: "prioritized", every: 4, cap: 200, window: 1, afterCuration: false },
        { method: "staleness", every: 4, cap: 200, window: 1, afterCuration: true },
      ],
    ],
    [
      "success tagging, dedupe, buffer, own solution",
      (c) => [c.successTagging, c.deduplicate, c.solutionBuffer, c.ownSolution],
      [
        [true, true, true, true],
        [true, true, true, true],
        [true, true, true, true],
      ],
    ],
    ["feedback beside a demonstration", (c) => c.feedbackBesideSolution, [true, true, false]],
    ["success", (c) => c.successRule, ["success", "success", { scoreAtLeast: 0.5 }]],
  ])("presets has the values of each family, for %s", (_, read, values) => {
    names.forEach((name, i) => assert.deepEqual(read(get(name)), values[i], name));
  });

  const tasks = [
    "paper/manufactoria",
    "paper/bsim-easy",
    "paper/bsim-medium",
    "paper/finer",
  ] as const;
  const scripts = tasks.map((name) => name.replace("paper", "released") as PresetName);
  it.each<[string, (config: ResdConfig) => unknown, ReadonlyArray<unknown>]>([
    ["updates", (c) => c.updates, [92, 80, 40, 124]],
    ["alpha", (c) => distill(c).alpha, [1, 0.5, 1, 0.5]],
    ["floor", (c) => distill(c).ratioMin, [0.2, 0.2, 0.2, 0.2]],
    ["ceiling", (c) => distill(c).ratioMax, [5, undefined, undefined, undefined]],
    [
      "EMA rate",
      (c) => distill(c).teacher,
      [1e-4, 1e-4, 1e-2, 1e-4].map((rate) => ({ _tag: "ema", rate })),
    ],
    ["cap", (c) => c.concise.cap, [200, 120, 150, 120]],
    [
      "concise method",
      (c) => c.concise.method,
      ["prioritized", "staleness", "prioritized", "staleness"],
    ],
    ["success weights", (c) => c.successWeights, [false, true, false, true]],
    ["lr", (c) => c.lr, [1e-6, 1e-6, 1e-6, 1e-6]],
    [
      "prompt, response and teacher-prompt tokens",
      (c) => [c.limits.promptTokens, c.sampling.rollout.maxTokens, c.limits.teacherPromptTokens],
      [
        [49152, 20480, 49152],
        [58368, 25600, 58368],
        [58368, 25600, 58368],
        [49152, 20480, 49152],
      ],
    ],
    ["reward", (c) => c.rewardPolicy, ["all-pass", "all-pass", "all-pass", "fraction"]],
  ])("presets has the paper's values, for %s", (_, read, values) => {
    tasks.forEach((name, i) => assert.deepEqual(read(get(name)), values[i], name));
  });

  it.each<[string, (config: ResdConfig) => unknown, ReadonlyArray<unknown>]>([
    ["alpha", (c) => distill(c).alpha, [1, 0.5, 1, 0.5]],
    ["ceiling", (c) => distill(c).ratioMax, [undefined, undefined, undefined, undefined]],
    ["teacher", (c) => distill(c).teacher._tag, ["frozen", "frozen", "frozen", "frozen"]],
    ["cap", (c) => c.concise.cap, [200, 120, 150, 120]],
    [
      "concise method",
      (c) => c.concise.method,
      ["staleness", "staleness", "prioritized", "staleness"],
    ],
    ["second concise pass", (c) => c.concise.afterCuration, [true, true, true, true]],
    ["success weights", (c) => c.successWeights, [true, true, false, true]],
    ["lr", (c) => c.lr, [1e-6, 1e-6, 1e-6, 1e-5]],
    [
      "success threshold",
      (c) => c.successRule,
      [0.5, 0.5, 0.5, 1].map((scoreAtLeast) => ({ scoreAtLeast })),
    ],
    [
      "feedback beside a demonstration",
      (c) => c.feedbackBesideSolution,
      [false, false, false, false],
    ],
  ])("presets has the values of the released code, for %s", (_, read, values) => {
    scripts.forEach((name, i) => assert.deepEqual(read(get(name)), values[i], name));
  });

  it("presets has a base that differs from the paper's first task only in the number of updates", () => {
    const { updates, ...rest } = get("paper/manufactoria");
    assert.strictEqual(updates, 92);
    assert.deepEqual(rest, get("paper/base"));
  });

  it("presets measures by four samples a task, in all of them", () => {
    for (const config of Object.values(presets)) assert.strictEqual(config.evaluation.samples, 4);
  });
});
