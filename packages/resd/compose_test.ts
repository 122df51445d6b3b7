import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { makeWorld, smallConfig } from "./_world.ts";
import type { WorldOptions } from "./_world_options.ts";
import { requireCompatible } from "./compose.ts";
import type { ResdConfig } from "./config.ts";
import { presets } from "./presets.ts";

const check = (options: WorldOptions, config: ResdConfig = smallConfig()) =>
  Effect.provide(requireCompatible(config), makeWorld(options).layer);
const refusal = (options: WorldOptions, config?: ResdConfig) => Effect.flip(check(options, config));

const { evaluation, sections } = smallConfig();
const { objective } = presets.kestrel;
const grpo = {
  _tag: "PolicyGradient",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.28,
  aggregation: "token-mean",
} as const;

describe("requireCompatible", () => {
  it.effect("requireCompatible() has nothing to say of a composition that fits", () =>
    Effect.gen(function* () {
      assert.deepEqual(yield* check({}), []);
    }),
  );

  it.effect.each<[string, WorldOptions, Partial<ResdConfig>, RegExp]>([
    [
      "an objective",
      { capabilities: { objectives: [] } },
      {},
      /Objective Distill needs the objective bucket-kl.*policy scripted on script/,
    ],
    ["the top-k", { capabilities: { topK: 16 } }, {}, /20 largest.*gives 16.*scripted on script/],
    [
      "a kind of teacher",
      { capabilities: { teachers: ["frozen"] } },
      {},
      /teacher of kind ema.*scripted/,
    ],
    [
      "gradient clipping",
      { capabilities: { gradClip: false } },
      {},
      /clipNorm 1.*scripted on script/,
    ],
    [
      "prose",
      { freeText: { reflector: true } },
      {},
      /reflector writes prose, prompt format compact/,
    ],
    [
      "a split",
      {},
      { splits: { train: "train", evaluate: "test" } },
      /splits\.evaluate asks for test, environment words has train, heldOut/,
    ],
    [
      "gold solutions",
      { manifest: { gold: false } },
      { goldSolution: true },
      /goldSolution.*environment words has none/,
    ],
    [
      "a mixture",
      { capabilities: { objectives: ["bucket-kl", "policy-gradient"] } },
      {
        objective: {
          _tag: "Mixture",
          distill: objective,
          reward: grpo,
          route: { _tag: "outcome" },
        },
      },
      /Objective Mixture needs the objective mixture.*policy scripted on script/,
    ],
    [
      "a playbook of answers",
      { manifest: { feedback: { tests: true, leakage: "answer", maxChars: 9 } } },
      { evaluation: { ...evaluation, teacher: true } },
      /evaluation\.teacher.*environment words gives answers away/,
    ],
  ])(
    "requireCompatible() refuses %s that the other side does not give, naming both",
    ([, options, changes, expected]) =>
      Effect.gen(function* () {
        const error = yield* refusal(options, smallConfig(changes));
        assert.strictEqual(error.reason, "incompatible");
        assert.match(error.message, expected);
      }),
  );

  it.effect("requireCompatible() reports all misfits at once", () =>
    Effect.gen(function* () {
      const error = yield* refusal({ capabilities: { topK: 16, gradClip: false, teachers: [] } });
      assert.strictEqual(error.message.split("\n").length, 3);
    }),
  );

  it.effect("requireCompatible() lets a prose reflector pass, when the run never reflects", () =>
    Effect.gen(function* () {
      assert.deepEqual(
        yield* check({ freeText: { reflector: true } }, smallConfig({ reflect: false })),
        [],
      );
    }),
  );

  const { updates: _updates, ...endless } = smallConfig();
  const nothing = {
    playbook: false,
    attempt: false,
    feedback: false,
    reflection: false,
    solution: false,
  };
  it.effect.each<[string, ResdConfig, RegExp]>([
    ["no end", endless, /updates, epochs or both/],
    [
      "gold solutions that no teacher is shown",
      smallConfig({ objective: grpo, goldSolution: true }),
      /objective with a teacher.*PolicyGradient/,
    ],
    [
      "gold solutions without their section",
      smallConfig({ goldSolution: true, sections: { ...sections, solution: false } }),
      /sections\.solution to true/,
    ],
    ["a teacher without sections", smallConfig({ sections: nothing }), /at least one section/],
    [
      "a measured teacher without distillation",
      smallConfig({ objective: grpo, evaluation: { ...evaluation, teacher: true } }),
      /evaluation\.teacher to false/,
    ],
    [
      "a measured teacher without weights of its own",
      smallConfig({
        objective: {
          ...objective,
          teacher: { _tag: "trust-region", rate: 0.1 },
        } as typeof objective,
        evaluation: { ...evaluation, teacher: true },
      }),
      /trust-region.*evaluation\.teacher to false/,
    ],
    [
      "a student playbook without a playbook",
      smallConfig({ playbook: "none", studentPlaybook: { every: 4 } }),
      /studentPlaybook/,
    ],
    [
      "a floor above the ceiling",
      smallConfig({
        objective: { ...objective, ratioMin: 0.5, ratioMax: 0.2 } as typeof objective,
      }),
      /ratioMin/,
    ],
  ])("requireCompatible() refuses %s as a contradiction", ([, config, expected]) =>
    Effect.gen(function* () {
      const error = yield* refusal({}, config);
      assert.strictEqual(error.reason, "configuration");
      assert.match(error.message, expected);
    }),
  );

  it.effect("requireCompatible() warns of a policy gradient without siblings to compare with", () =>
    Effect.gen(function* () {
      const [warning, ...others] = yield* check({}, smallConfig({ objective: grpo }));
      assert.strictEqual(warning?.code, "no-siblings");
      assert.lengthOf(others, 0);
      assert.deepEqual(
        yield* check({}, smallConfig({ objective: grpo, rolloutsPerPrompt: 2 })),
        [],
      );
    }),
  );

  it.effect("requireCompatible() warns of the biased sampling that the paper's presets keep", () =>
    Effect.gen(function* () {
      const splits = { train: "train", evaluate: "heldOut" };
      const warnings = yield* check({}, { ...presets["paper/base"], splits });
      assert.deepEqual(
        warnings.map((warning) => warning.code),
        ["biased-sampling"],
      );
      assert.match(warnings[0]?.message ?? "", /top-p 0\.95.*scripted on script.*Distill/);
    }),
  );
});
