import { Curator } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { type PresetName, presets, variantNames, variants } from "@resd/resd";
import { Effect, Layer } from "effect";
import { defineRun, partsOf } from "./define_run.ts";
import { type ConfigPart, type Override, resolveConfig } from "./resolve_config.ts";

const flags = (...texts: ReadonlyArray<string>): ReadonlyArray<Override> =>
  texts.map((text) => {
    const [path = "", value = ""] = text.split(/=(.*)/s);
    return { path, text: value };
  });
const file = (values: ConfigPart["values"]): ReadonlyArray<ConfigPart> => [
  { source: "file my.toml", values },
];
const faultsOf = (parts: ReadonlyArray<ConfigPart>, overrides: ReadonlyArray<Override> = []) =>
  Effect.map(Effect.flip(resolveConfig(parts, overrides)), (error) =>
    error.faults.map((fault) => fault.message),
  );

describe("resolveConfig", () => {
  it.effect("resolveConfig() gives the default preset when nothing is said", () =>
    Effect.gen(function* () {
      const { config, sources } = yield* resolveConfig([]);
      assert.strictEqual(config.preset, "kestrel");
      assert.strictEqual(config.variant, "resd");
      assert.strictEqual(config.name, "kestrel");
      assert.deepStrictEqual(config.resd, presets.kestrel);
      assert.deepStrictEqual(config.environment, { use: "kestrel", options: {} });
      assert.strictEqual(sources["resd.lr"], "preset kestrel");
      assert.strictEqual(sources["seed"], "defaults");
    }),
  );

  it.effect("resolveConfig() lays flags over the file and the file over its preset", () =>
    Effect.gen(function* () {
      const { config, sources } = yield* resolveConfig(
        file({ preset: "paper/base", resd: { lr: 1, batchSize: 2 }, seed: 4 }),
        flags("resd.lr=5e-4", "environment.options.level=siblings"),
      );
      assert.strictEqual(config.resd.lr, 5e-4);
      assert.strictEqual(config.resd.batchSize, 2);
      assert.strictEqual(config.resd.epochs, 1);
      assert.strictEqual(config.seed, 4);
      assert.deepStrictEqual(config.environment.options, { level: "siblings" });
      assert.deepInclude(sources, {
        "resd.lr": "--resd.lr",
        "resd.batchSize": "file my.toml",
        "resd.epochs": "preset paper/base",
        "environment.options.level": "--environment.options.level",
      });
    }),
  );

  it.effect("resolveConfig() reads the text of a flag as what the schema has there", () =>
    Effect.gen(function* () {
      const { config } = yield* resolveConfig(
        [],
        flags(
          "model=7",
          "seed=7",
          "resd.evaluation.tasks=all",
          'resd.successRule={"scoreAtLeast": 0.5}',
          'resd.operations=["Add","Delete"]',
          "resd.solutionBuffer=false",
          "resd.optimizer.betas=[0.9,0.5]",
        ),
      );
      assert.strictEqual(config.model, "7");
      assert.strictEqual(config.seed, 7);
      assert.strictEqual(config.resd.evaluation.tasks, "all");
      assert.deepStrictEqual(config.resd.successRule, { scoreAtLeast: 0.5 });
      assert.deepStrictEqual(config.resd.operations, ["Add", "Delete"]);
      assert.isFalse(config.resd.solutionBuffer);
      assert.deepStrictEqual(config.resd.optimizer.betas, [0.9, 0.5]);
    }),
  );

  it.effect("resolveConfig() takes an optional value away for null", () =>
    Effect.gen(function* () {
      const { config, sources } = yield* resolveConfig([], flags("resd.clipNorm=null"));
      assert.notProperty(config.resd, "clipNorm");
      assert.notProperty(sources, "resd.clipNorm");
    }),
  );

  it.effect("resolveConfig() sheds keys of the preset that another variant does not have", () =>
    Effect.gen(function* () {
      const { config } = yield* resolveConfig([], flags("resd.objective.teacher._tag=frozen"));
      assert.deepInclude(config.resd.objective, { teacher: { _tag: "frozen" } });
      const messages = yield* faultsOf([], flags("resd.objective._tag=PolicyGradient"));
      assert.deepStrictEqual(
        messages.map((message) => /at (\S+);/.exec(message)?.[1]),
        ["resd.objective.shaping", "resd.objective.clipLow", "resd.objective.clipHigh"],
      );
    }),
  );

  it.effect("resolveConfig() keeps no options of the plugin that another one replaces", () =>
    Effect.gen(function* () {
      const { config } = yield* resolveConfig(
        file({ playbook: { use: "sqlite", options: { file: "a.sqlite" } } }),
        flags("playbook.use=memory"),
      );
      assert.deepStrictEqual(config.playbook, { use: "memory", options: {} });
    }),
  );

  it.effect("resolveConfig() refuses unknown keys with the nearest ones and where they stand", () =>
    Effect.gen(function* () {
      const messages = yield* faultsOf(
        file({ resd: { lrr: 1, evaluation: { sample: 2 } }, sead: 1 }),
        flags("lr=3"),
      );
      assert.sameMembers(
        [...messages],
        [
          "Expected a known key, got resd.lrr, at file my.toml; did you mean resd.lr?",
          "Expected a known key, got resd.evaluation.sample, at file my.toml; did you mean resd.evaluation.samples?",
          "Expected a known key, got sead, at file my.toml; did you mean seed?",
          "Expected a known key, got lr, at --lr; did you mean resd.lr?",
        ],
      );
      assert.match(
        (yield* faultsOf([], flags("resd.warmup.nonsense=1")))[0]!,
        /the keys here are updates, from$/,
      );
    }),
  );

  it.effect("resolveConfig() refuses an unknown preset with the nearest name", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* faultsOf([], flags("preset=kestral")), [
        "Expected the name of a preset, got kestral, at --preset; did you mean kestrel?",
      ]);
      assert.match(
        (yield* faultsOf(file({ preset: "dpo" })))[0]!,
        /at file my\.toml; choose one of/,
      );
    }),
  );

  it.effect("resolveConfig() applies a variant between the preset and everything else", () =>
    Effect.gen(function* () {
      const { config, sources } = yield* resolveConfig(
        file({ variant: "sdpo", resd: { lr: 5e-4 } }),
        flags("variant=grpo", "resd.objective.clipHigh=0.2"),
      );
      assert.strictEqual(config.variant, "grpo");
      assert.strictEqual(config.name, "grpo");
      assert.deepEqual(config.resd.objective, {
        _tag: "PolicyGradient",
        shaping: "grpo",
        clipLow: 0.2,
        clipHigh: 0.2,
        aggregation: "token-mean",
        importance: { clip: 2, over: "token" },
      });
      assert.deepInclude(sources, {
        "resd.objective._tag": "variant grpo",
        "resd.objective.aggregation": "preset kestrel",
        "resd.objective.clipHigh": "--resd.objective.clipHigh",
        "resd.reflect": "variant grpo",
        "resd.lr": "file my.toml",
      });
      assert.notProperty(sources, "resd.objective.alpha");
    }),
  );

  it.effect("resolveConfig() resolves every variant on every preset to what its table says", () =>
    Effect.gen(function* () {
      for (const preset of Object.keys(presets) as Array<PresetName>) {
        for (const variant of variantNames) {
          const { config } = yield* resolveConfig(file({ preset, variant }));
          assert.deepStrictEqual(config.resd, variants[variant].of(presets[preset]));
          assert.strictEqual(config.name, variant === "resd" ? preset : variant);
        }
      }
    }),
  );

  it.effect("resolveConfig() refuses an unknown variant with the nearest name", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* faultsOf([], flags("variant=spdo")), [
        "Expected the name of a variant, got spdo, at --variant; did you mean sdpo?",
      ]);
    }),
  );

  it.effect("resolveConfig() reports every value that the schema refuses, with its source", () =>
    Effect.gen(function* () {
      const messages = yield* faultsOf(
        file({ resd: { batchSize: 1.5 } }),
        flags("resd.lr=fast", "seed=-1"),
      );
      assert.lengthOf(messages, 3);
      assert.match(messages.join("\n"), /got 1\.5, at resd\.batchSize \(file my\.toml\)/);
      assert.match(messages.join("\n"), /got "fast", at resd\.lr \(--resd\.lr\)/);
      assert.match(messages.join("\n"), /got -1, at seed \(--seed\)/);
    }),
  );

  it.effect("resolveConfig() refuses a flag that is given twice", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* faultsOf([], flags("seed=1", "seed=2")), [
        "Expected seed once, got it twice, at --seed; keep one",
      ]);
    }),
  );

  it.effect("resolveConfig() refuses a value that changes nothing, and says why", () =>
    Effect.gen(function* () {
      const messages = yield* faultsOf(
        [],
        flags("resd.playbook=none", "resd.concise.cap=10", "resd.concise.method=reset"),
      );
      assert.lengthOf(messages, 2);
      for (const message of messages)
        assert.match(message, /but resd\.playbook is none; leave it out/);
    }),
  );

  it.effect("resolveConfig() lets one say what holds anyway", () =>
    Effect.gen(function* () {
      const { cap } = presets.kestrel.concise;
      yield* resolveConfig([], flags("resd.playbook=none", `resd.concise.cap=${cap}`));
    }),
  );

  it.effect("resolveConfig() notes slots that are filled by layers in code", () =>
    Effect.gen(function* () {
      const curator = Layer.succeed(Curator, { curate: () => Effect.die("not asked") });
      const custom = defineRun({ config: { name: "mine" }, layers: { curator } });
      const { config, sources } = yield* resolveConfig(partsOf(custom, "file mine.ts"));
      assert.deepStrictEqual(config.curator, { use: "custom", options: {} });
      assert.strictEqual(sources["curator.use"], "layers of file mine.ts");
      const refused = yield* faultsOf(
        partsOf(custom, "file mine.ts"),
        flags("curator.options.temperature=1"),
      );
      assert.match(refused[0]!, /but the curator is a layer in code; leave it out/);
    }),
  );

  it.effect("resolveConfig() takes the keys of PEFT, and refuses those that it has no way to", () =>
    Effect.gen(function* () {
      const { config } = yield* resolveConfig(
        [],
        flags("lora.r=4", 'lora.target_modules=["q_proj"]'),
      );
      assert.deepStrictEqual(config.lora, {
        r: 4,
        lora_alpha: 8,
        target_modules: ["q_proj"],
        use_rslora: false,
      });
      const without = yield* resolveConfig([], flags("lora.r=4", "lora=null").slice(1));
      assert.isUndefined(without.config.lora);
      const faults = yield* faultsOf(
        [],
        flags("lora.lora_dropout=0.1", "lora.bias=all", 'lora.modules_to_save=["lm_head"]'),
      );
      assert.lengthOf(faults, 3);
      for (const [i, key] of ["lora_dropout", "bias", "modules_to_save"].entries()) {
        assert.match(faults[i]!, new RegExp(`got .*, at lora\\.${key} `, "u"));
      }
    }),
  );
});
