/** What is different about training an adapter; everything else is tested with all parameters. */
import { NodeServices } from "@effect/platform-node";
import { assert, layer } from "@effect/vitest";
import {
  Compute,
  type ComputeShape,
  type Distill,
  LoraSettings,
  type TeacherRule,
} from "@resd/core";
import { adapterSpecs, initialize, loadAdapter, loadFolder, saveFolder } from "@resd/models";
import { type InterpreterCompute, makeInterpreterCompute } from "@resd/testing";
import { wordLevelTokenizer, writeTokenizer } from "@resd/tokenizers";
import { sizeOf } from "@resd/tensor";
import { Effect, FileSystem, Schema } from "effect";
import { checkAdapter } from "./check_adapter.ts";
import { TINY, tokens } from "./fixtures/tiny_model.ts";
import { trainSample } from "./fixtures/trainee.ts";
import { type LocalPolicyOptions, makeLocalPolicy } from "./local_policy.ts";

const LORA = Schema.decodeUnknownSync(LoraSettings)({ r: 2, lora_alpha: 6 });
const BATCH = [trainSample("a", 5, 7), trainSample("b", 9, 4)];

const distill = (teacher: TeacherRule): Distill => ({
  _tag: "Distill",
  alpha: 1,
  support: { _tag: "top-k", k: 4, rest: "tail" },
  aggregation: "sample-mean",
  teacher,
});
const EMA = distill({ _tag: "ema", rate: 0.1 });

const modelFolder = Effect.fnUntraced(function* (seed = 4) {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped();
  const weights = initialize(TINY, seed);
  weights.get("model.embed_tokens.weight")!.forEach((value, i, all) => (all[i] = value * 20));
  yield* saveFolder(folder, { ...TINY, torch_dtype: "bfloat16" }, (name) =>
    Effect.succeed(weights.get(name)!),
  );
  const source = wordLevelTokenizer({
    words: ["unknown", "a", "b", "c", "d", "e", "f"],
    controls: ["<pad>", "<end>", "<task>", "<prog>"],
    unknown: "unknown",
    roles: { eos: "<end>", pad: "<pad>" },
  });
  yield* writeTokenizer(folder, source);
  return folder;
});

const f32 = () => makeInterpreterCompute({ precision: "f32" });
const policyOf = (options: LocalPolicyOptions, compute: ComputeShape = f32()) =>
  makeLocalPolicy({ lora: LORA, ...options }).pipe(Effect.provideService(Compute, compute));

const elements = (specs: ReadonlyArray<{ readonly shape: ReadonlyArray<number> }>): number =>
  specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** How many arrays an update under a rule leaves behind, and how many elements they have. */
const growth = Effect.fnUntraced(function* (folder: string, rule: TeacherRule) {
  const compute: InterpreterCompute = f32();
  const policy = yield* policyOf({ folder }, compute);
  const before = { arrays: compute.liveArrays(), elements: compute.liveElements() };
  yield* policy.update(BATCH, distill(rule), { lr: 0.01 });
  return {
    before,
    arrays: compute.liveArrays() - before.arrays,
    elements: compute.liveElements() - before.elements,
  };
});

layer(NodeServices.layer)("LoRA", (it) => {
  it.effect("optimizer and teacher take the memory of the adapter, and not of the model", () =>
    Effect.gen(function* () {
      const folder = yield* modelFolder();
      const { config } = yield* loadFolder(folder);
      const maps = 7 * config.num_hidden_layers;
      const adapter = Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const to = yield* fs.makeTempDirectoryScoped();
        yield* (yield* policyOf({ folder })).save(to, "weights");
        return adapterSpecs((yield* loadAdapter(to, config)).config);
      });
      const size = elements(yield* adapter);
      const moments = { arrays: 4 * maps, elements: 2 * size };
      for (const rule of [{ _tag: "ema", rate: 0.1 }, { _tag: "frozen" }] as const) {
        const { before, ...grown } = yield* growth(folder, rule);
        assert.isAbove(before.elements, 3 * size);
        assert.deepStrictEqual(
          grown,
          { arrays: moments.arrays + 2 * maps, elements: moments.elements + size },
          rule._tag,
        );
      }
      const { before: _, ...live } = yield* growth(folder, { _tag: "live" });
      assert.deepStrictEqual(live, moments);
    }),
  );

  it.effect("a new adapter changes nothing, and is drawn from the seed", () =>
    Effect.gen(function* () {
      const folder = yield* modelFolder();
      const compute = f32();
      const plain = yield* makeLocalPolicy({ folder }).pipe(
        Effect.provideService(Compute, compute),
      );
      const policy = yield* policyOf({ folder, seed: 1 });
      const ids = tokens("known", 12);
      const ask = [{ ids, from: 1, as: "student" as const }];
      assert.deepStrictEqual(yield* policy.score(ask), yield* plain.score(ask));
      const version = yield* policy.version("student");
      const same = yield* policyOf({ folder, seed: 1 });
      assert.strictEqual(yield* same.version("student"), version);
      const other = yield* policyOf({ folder, seed: 2 });
      assert.notStrictEqual(yield* other.version("student"), version);
      assert.notStrictEqual(yield* plain.version("student"), version);
    }),
  );

  it.effect("what is generated after updates is what was trained, by student and teacher", () =>
    Effect.gen(function* () {
      const policy = yield* policyOf({ folder: yield* modelFolder() });
      for (let i = 0; i < 3; i++) yield* policy.update(BATCH, EMA, { lr: 0.05 });
      const prompt = tokens("prompt", 7);
      const sampling = { temperature: 1, topP: 1, topK: 0, maxTokens: 6, stop: [] };
      for (const as of ["student", "teacher"] as const) {
        const [answer] = yield* policy.generate([{ id: "x", prompt, seed: 3, sampling, as }]);
        const ids = Int32Array.from([...prompt, ...answer!.ids]);
        const [score] = yield* policy.score([{ ids, from: prompt.length, as }]);
        answer!.logProbs.forEach((value, t) =>
          assert.approximately(value, score!.logProbs[t]!, 1e-5),
        );
        assert.strictEqual(answer!.policyVersion, yield* policy.version(as));
      }
      const [student, teacher] = [
        yield* policy.version("student"),
        yield* policy.version("teacher"),
      ];
      assert.notStrictEqual(student, teacher);
    }),
  );

  it.effect(
    "save() writes an adapter that goes on where it was, and resumes with its training",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* modelFolder();
        const update = { lr: 0.02, clipNorm: 1 };
        const straight = yield* policyOf({ folder });
        yield* straight.update(BATCH, EMA, update);
        const expected = yield* straight.update(BATCH, EMA, update);

        const first = yield* policyOf({ folder });
        yield* first.update(BATCH, EMA, update);
        const to = `${yield* fs.makeTempDirectoryScoped()}/saved`;
        yield* first.save(to, "all");
        const second = yield* policyOf({ folder, seed: 9 });
        yield* second.load(to);
        assert.strictEqual(yield* second.version("teacher"), yield* first.version("teacher"));
        assert.deepStrictEqual(yield* second.update(BATCH, EMA, update), expected);

        yield* first.save(to, "weights");
        assert.deepStrictEqual((yield* fs.readDirectory(to)).toSorted(), [
          "adapter_config.json",
          "adapter_model.safetensors",
          "tokenizer.json",
          "tokenizer_config.json",
        ]);
        const json: unknown = JSON.parse(yield* fs.readFileString(`${to}/adapter_config.json`));
        assert.deepNestedInclude(json, { base_model_name_or_path: folder, r: 2, lora_alpha: 6 });
        const again = yield* makeLocalPolicy({ folder, adapter: to }).pipe(
          Effect.provideService(Compute, f32()),
        );
        assert.strictEqual(yield* again.version("student"), yield* first.version("student"));
      }),
  );

  it.effect(
    "refuses adapters of other weights, other settings, and whole models in their place",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* modelFolder();
        const other = yield* modelFolder(5);
        const policy = yield* policyOf({ folder });
        const to = `${yield* fs.makeTempDirectoryScoped()}/saved`;
        yield* policy.save(to, "all");
        const refused = (options: LocalPolicyOptions) => Effect.flip(policyOf(options));
        const elsewhere = yield* refused({ folder: other, adapter: to });
        assert.match(
          elsewhere.message,
          /an adapter for the weights [0-9a-f]{32} of .*, got one for/u,
        );
        const wider = { folder, adapter: to, lora: { ...LORA, r: 4 } };
        assert.match(
          (yield* refused(wider)).message,
          /Expected 2, which the adapter has, got 4, at lora\.r/u,
        );
        const misnamed: LocalPolicyOptions = {
          folder,
          lora: { ...LORA, target_modules: ["q_proj", "lm_head"] },
        };
        assert.match((yield* refused(misnamed)).message, /got lm_head; .*at target_modules/u);
        assert.match(
          (yield* Effect.flip(policy.load(folder))).message,
          /Expected adapter_config\.json/u,
        );
        const plain = yield* makeLocalPolicy({ folder }).pipe(
          Effect.provideService(Compute, f32()),
        );
        assert.match((yield* Effect.flip(plain.load(to))).message, /Expected config\.json/u);
      }),
  );

  it.effect("gives all its arrays back when its scope closes, or when it cannot be made", () =>
    Effect.gen(function* () {
      const compute = f32();
      const folder = yield* modelFolder();
      yield* Effect.scoped(
        Effect.gen(function* () {
          const policy = yield* policyOf({ folder }, compute);
          yield* policy.update(BATCH, EMA, { lr: 0.01 });
        }),
      );
      assert.strictEqual(compute.liveArrays(), 0);
      const fs = yield* FileSystem.FileSystem;
      const to = `${yield* fs.makeTempDirectoryScoped()}/saved`;
      yield* (yield* policyOf({ folder })).save(to, "weights");
      yield* Effect.flip(policyOf({ folder: yield* modelFolder(6), adapter: to }, compute));
      assert.strictEqual(compute.liveArrays(), 0);
    }),
  );

  it.effect("checkAdapter() says what an adapter is, or why a policy would refuse it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* modelFolder();
      const adapter = `${yield* fs.makeTempDirectoryScoped()}/saved`;
      yield* (yield* policyOf({ folder })).save(adapter, "weights");
      const facts = yield* checkAdapter({ folder, adapter, seed: 0 });
      const fresh = yield* checkAdapter({ folder, lora: LORA, seed: 0 });
      assert.deepStrictEqual(facts, { ...fresh!, knowsBase: true });
      assert.deepStrictEqual([fresh?.rank, fresh?.knowsBase], [2, false]);
      assert.isUndefined(yield* checkAdapter({ folder, seed: 0 }));
      const other = { folder: yield* modelFolder(6), adapter, seed: 0 };
      assert.match(
        (yield* Effect.flip(checkAdapter(other))).message,
        /Expected an adapter for the weights [0-9a-f]{32} of .*, got one for [0-9a-f]{32}/u,
      );
      yield* fs.remove(`${adapter}/adapter_model.safetensors`);
      const missing = yield* Effect.flip(checkAdapter({ folder, adapter, seed: 0 }));
      assert.match(missing.message, /Expected adapter_model\.safetensors, got no such file/u);
    }),
  );
});
