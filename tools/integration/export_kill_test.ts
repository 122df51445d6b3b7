/** An exporting process is killed at random moments. RESD_EXPORT_KILLS=50 does it so often. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { NodeServices } from "@effect/platform-node";
import { assert, layer } from "@effect/vitest";
import { makeRandom } from "@resd/core";
import { type DecoderConfig, initialize, loadFolder, saveFolder } from "@resd/models";
import { Effect, FileSystem } from "effect";

const KILLS = Number(process.env["RESD_EXPORT_KILLS"] ?? 2);
/** Longest time from the first export to the signal, in milliseconds. */
const LONGEST = 400;

const MODEL: DecoderConfig = {
  model_type: "llama",
  vocab_size: 512,
  hidden_size: 96,
  intermediate_size: 256,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 24,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
  torch_dtype: "float32",
  eos_token_id: 1,
  bos_token_id: null,
  pad_token_id: 0,
};

/** Runs the exporter, and kills it some time after it has begun. */
const killExporter = (
  models: ReadonlyArray<string>,
  to: string,
  after: number,
): Promise<NodeJS.Signals | null> =>
  new Promise((resolve, reject) => {
    const program = join(import.meta.dirname, "_exporter.ts");
    const child = spawn(process.execPath, [program, ...models, to], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.once("data", () => setTimeout(() => child.kill("SIGKILL"), after));
    child.on("error", reject);
    child.on("close", (_code, signal) => resolve(signal));
  });

/** A name for all weights of a model folder. */
const weightsIn = Effect.fnUntraced(function* (folder: string) {
  const { parameters } = yield* loadFolder(folder);
  const all = yield* parameters.readAll;
  const hash = createHash("sha256");
  for (const [name, data] of all) hash.update(name).update(data);
  return hash.digest("hex");
}, Effect.scoped);

layer(NodeServices.layer)("a killed export", (it) => {
  it.effect(
    "leaves the old folder, the new one, or none; never a part of one",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const folder = yield* fs.makeTempDirectoryScoped();
        const models = [`${folder}/a`, `${folder}/b`];
        for (const [seed, model] of models.entries()) {
          const weights = initialize(MODEL, seed);
          yield* saveFolder(model, MODEL, (name) => Effect.succeed(weights.get(name)!));
        }
        const known = yield* Effect.forEach(models, weightsIn);
        const to = `${folder}/out`;
        const random = makeRandom("export", "kill");
        for (let kill = 0; kill < KILLS; kill++) {
          const after = random.next() * LONGEST;
          const signal = yield* Effect.promise(() => killExporter(models, to, after));
          assert.strictEqual(signal, "SIGKILL");
          // What has a configuration is what others would load, under whichever name it lies.
          for (const name of ["out", "out.partial", "out.replaced"]) {
            if (!(yield* fs.exists(`${folder}/${name}/config.json`))) continue;
            assert.include(known, yield* weightsIn(`${folder}/${name}`), name);
            assert.isTrue(yield* fs.exists(`${folder}/${name}/README.md`), name);
          }
          const whole = yield* fs.exists(to);
          if (whole) assert.isTrue(yield* fs.exists(`${to}/config.json`));
        }
      }),
    600_000,
  );
});
