import { NodeServices } from "@effect/platform-node";
import { assert, layer } from "@effect/vitest";
import { LoraSettings } from "@resd/core";
import {
  adapterSpecs,
  type DecoderConfig,
  initialize,
  loadAdapter,
  loadFolder,
  resolveLora,
  saveAdapter,
  saveFolder,
} from "@resd/models";
import { Effect, FileSystem, Result, Schema } from "effect";
import { exportModel, type ExportOptions } from "./export_model.ts";
import { TINY_LLAMA } from "./fixtures/tiny_model.ts";
import { weightsHash } from "./version.ts";

const BASE: DecoderConfig = { ...TINY_LLAMA, torch_dtype: "float32" };
const LORA = Schema.decodeUnknownSync(LoraSettings)({ r: 2, lora_alpha: 6 });
const ADAPTED = { ...BASE, lora: Result.getOrThrow(resolveLora(BASE, LORA)) };
const WEIGHTS = initialize(BASE, 4);
const MATRICES = initialize(ADAPTED, 5, adapterSpecs(ADAPTED));
for (const data of MATRICES.values()) data.forEach((x, i) => (data[i] = x + 0.01 * (i % 7)));

const digest = (): string => {
  const hash = weightsHash();
  for (const name of [...WEIGHTS.keys()].toSorted()) hash.add(name, WEIGHTS.get(name)!);
  return hash.digest();
};

/** A model with its tokenizer, and an adapter for it. */
const sources = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped();
  const [model, adapter] = [`${folder}/model`, `${folder}/adapter`];
  const files = { "tokenizer.json": "{}", "chat_template.jinja": "{{ messages }}" };
  yield* saveFolder(model, BASE, (name) => Effect.succeed(WEIGHTS.get(name)!), files);
  yield* saveAdapter(adapter, ADAPTED, (name) => Effect.succeed(MATRICES.get(name)!), {
    baseDigest: digest(),
  });
  const options = { model, to: `${folder}/out`, force: false, card: () => "# card\n" };
  return { folder, adapter, options };
});

const refusal = (options: ExportOptions) =>
  Effect.map(Effect.flip(exportModel(options)), ({ reason, message }) => `${reason}: ${message}`);

layer(NodeServices.layer)("exportModel", (it) => {
  it.effect("writes a whole model, merged, in shards and in another type", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const { adapter, options } = yield* sources;
      const exported = yield* exportModel({
        ...options,
        adapter,
        as: "model",
        dtype: "bfloat16",
        shardBytes: 1000,
      });
      assert.isTrue(exported.merged);
      assert.strictEqual(exported.base.name, "model");
      const names = (yield* fs.readDirectory(options.to)).toSorted();
      const shards = names.filter((name) => /^model-\d{5}-of-\d{5}\.safetensors$/u.test(name));
      assert.isAbove(shards.length, 1);
      assert.deepStrictEqual(
        names.filter((name) => !shards.includes(name)),
        [
          "README.md",
          "chat_template.jinja",
          "config.json",
          "generation_config.json",
          "model.safetensors.index.json",
          "tokenizer.json",
        ],
      );
      const index = JSON.parse(
        yield* fs.readFileString(`${options.to}/model.safetensors.index.json`),
      ) as { metadata: { total_size: number } };
      assert.strictEqual(index.metadata.total_size, 2 * exported.parameters);
      const { config, parameters } = yield* loadFolder(options.to);
      assert.deepStrictEqual(config, { ...BASE, torch_dtype: "bfloat16" });
      const name = "model.layers.0.self_attn.q_proj.weight";
      const map = yield* parameters.read(name);
      const [a, b] = ["A", "B"].map((which) =>
        MATRICES.get(name.replace(".weight", `.lora_${which}.weight`))!,
      ) as [Float32Array, Float32Array];
      const w = WEIGHTS.get(name)!;
      for (const [i, value] of map.entries()) {
        const [row, column] = [Math.floor(i / BASE.hidden_size), i % BASE.hidden_size];
        const low = b[2 * row]! * a[column]! + b[2 * row + 1]! * a[BASE.hidden_size + column]!;
        assert.approximately(value, w[i]! + 3 * low, Math.abs(w[i]! + 3 * low) / 128 + 1e-6);
      }
    }),
  );

  it.effect("writes an adapter that loads again, and refuses one where there is none", () =>
    Effect.gen(function* () {
      const { adapter, options } = yield* sources;
      const exported = yield* exportModel({ ...options, adapter, as: "adapter" });
      assert.isFalse(exported.merged);
      const found = yield* loadAdapter(options.to, BASE);
      assert.strictEqual(found.base, options.model);
      for (const [name, data] of MATRICES) assert.deepStrictEqual(yield* found.read(name), data);
      const other = { ...options, to: `${options.to}-2`, as: "adapter" } as const;
      assert.match(yield* refusal(other), /^bad-request: Expected an adapter to export/u);
    }),
  );

  it.effect("replaces nothing unasked, and nothing at all that is no export", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const { folder, options } = yield* sources;
      const asked = { ...options, as: "model" } as const;
      yield* exportModel(asked);
      assert.match(yield* refusal(asked), /^bad-request: .*--force/u);
      yield* fs.writeFileString(`${options.to}/old.txt`, "");
      yield* exportModel({ ...asked, force: true });
      assert.isFalse(yield* fs.exists(`${options.to}/old.txt`));
      const valuable = `${folder}/photos`;
      yield* fs.makeDirectory(valuable);
      yield* exportModel({ ...asked, to: valuable });
      const home = `${folder}/home`;
      yield* fs.makeDirectory(home);
      yield* fs.writeFileString(`${home}/letter.txt`, "Dear");
      const refused = yield* refusal({ ...asked, to: home, force: true });
      assert.match(refused, /without config\.json.*choose another --out/u);
      assert.strictEqual(yield* fs.readFileString(`${home}/letter.txt`), "Dear");
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).toSorted(), [
        "adapter",
        "home",
        "model",
        "out",
        "photos",
      ]);
    }),
  );

  it.effect(
    "leaves what was there when it fails: weights beyond f16, another base, broken files",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const { folder, adapter, options } = yield* sources;
        const asked = { ...options, as: "model", force: true } as const;
        yield* exportModel(asked);
        const before = yield* fs.readFile(`${options.to}/model.safetensors`);

        const big = new Map(WEIGHTS);
        const name = "model.norm.weight";
        big.set(
          name,
          Float32Array.from(WEIGHTS.get(name)!, (_, i) => (i === 3 ? 7e4 : 1)),
        );
        const model = `${folder}/big`;
        yield* saveFolder(model, BASE, (one) => Effect.succeed(big.get(one)!));
        const narrow = yield* refusal({ ...asked, model, dtype: "float16" });
        assert.match(
          narrow,
          /got 70000 at element 3 of model\.norm\.weight; export in bf16 or f32/u,
        );
        const elsewhere = yield* refusal({ ...asked, model, adapter });
        assert.match(
          elsewhere,
          /^model-files: Expected the weights [0-9a-f]{32} below the adapter/u,
        );
        yield* fs.truncate(`${model}/model.safetensors`, 900);
        assert.match(yield* refusal({ ...asked, model }), /truncated/u);
        assert.deepStrictEqual(yield* fs.readFile(`${options.to}/model.safetensors`), before);
        assert.deepStrictEqual((yield* fs.readDirectory(folder)).toSorted(), [
          "adapter",
          "big",
          "model",
          "out",
        ]);
      }),
  );
});
