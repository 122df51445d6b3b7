/**
 * Trains the reference model and writes it as a Hugging Face folder. The one that ships was made in three phases, each
 * with fresh documents and a fresh optimizer. The documents of the first two are those of commit 8ecf1bf, of the third
 * those of 090e6e1, between which the curator's rule changed:
 *
 *     node tools/reference-model/main.ts --seed 1 --tokens 14000000 --out phase1
 *     node tools/reference-model/main.ts --seed 2 --tokens 14000000 --from phase1 --mixture refinement \
 *       --start-level 0.95 --lr 0.002 --muon-lr 0.0133 --out phase2
 *     node tools/reference-model/main.ts --seed 3 --tokens 4000000 --from phase2 --mixture refinement \
 *       --start-level 0.95 --lr 0.0015 --muon-lr 0.01 --out models/kestrel
 *
 * Same seed, same machine, same threads, same commit: the same weights. Kernels were still changing while these phases
 * ran, so a rebuild agrees with the shipped weights up to rounding that grows over the steps, not bit for bit.
 */
import { parseArgs } from "node:util";
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { layer as computeOnnx } from "@resd/compute-onnx";
import { Compute } from "@resd/core";
import { makeTrainer } from "@resd/engine";
import { initialize, loadFolder, parseConfig, saveFolder } from "@resd/models";
import { Clock, Console, Effect, FileSystem, Layer } from "effect";
import { MIXTURES, type MixtureName } from "./documents.ts";
import { levelAt, makeBatches, rateAt } from "./schedule.ts";
import { VOCABULARY, wordId, writeTokenizer } from "./tokenizer.ts";

const { values: flags } = parseArgs({
  options: {
    out: { type: "string", default: "models/kestrel" },
    from: { type: "string", default: "" },
    mixture: { type: "string", default: "foundation" },
    "start-level": { type: "string", default: "0.2" },
    seed: { type: "string", default: "1" },
    tokens: { type: "string", default: "24000000" },
    "batch-tokens": { type: "string", default: "3600" },
    threads: { type: "string", default: "2" },
    lr: { type: "string", default: "0.003" },
    "muon-lr": { type: "string", default: "0.02" },
    curve: { type: "string", default: "" },
  },
});
const number = (name: keyof typeof flags): number => {
  const value = Number(flags[name]);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`Expected a number for --${name}, got ${flags[name]}`);
};

const mixture = (): MixtureName => {
  const names = Object.keys(MIXTURES) as ReadonlyArray<MixtureName>;
  const found = names.find((name) => name === flags.mixture);
  if (found !== undefined) return found;
  throw new RangeError(`Expected one of ${names.join(", ")} for --mixture, got ${flags.mixture}`);
};

const LONGEST = 256;

/** The architecture: Llama with a causal short convolution before attention, 0.8 M parameters. */
const configJson = {
  architectures: ["CanonLlamaForCausalLM"],
  model_type: "canon_llama",
  vocab_size: VOCABULARY.length,
  hidden_size: 128,
  intermediate_size: 344,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  hidden_act: "silu",
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  max_position_embeddings: LONGEST,
  tie_word_embeddings: true,
  short_conv_kernel: 4,
  attention_bias: false,
  mlp_bias: false,
  bos_token_id: null,
  eos_token_id: wordId("<end>"),
  pad_token_id: wordId("<pad>"),
  torch_dtype: "float32",
};

const LOG_EVERY = 50;
const SAVE_EVERY = 1000;

const program = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem;
  const compute = yield* Compute;
  const seed = number("seed");
  const budget = number("tokens");
  const lr = number("lr");
  const config = yield* parseConfig(configJson);
  yield* files.makeDirectory(flags.out, { recursive: true });
  yield* writeTokenizer(flags.out, LONGEST);
  const trainer = yield* makeTrainer({
    config,
    parameters:
      flags.from === ""
        ? initialize(config, seed)
        : yield* Effect.scoped(
            Effect.flatMap(loadFolder(flags.from), ({ parameters }) => parameters.readAll),
          ),
    compute,
    optimizer: {
      _tag: "Muon",
      rateRatio: number("muon-lr") / lr,
      momentum: 0.95,
      weightDecay: 0.01,
      rest: { _tag: "AdamW", betas: [0.9, 0.98], eps: 1e-8, weightDecay: 0 },
    },
    clipNorm: 1,
    microBatchTokens: number("batch-tokens"),
  });
  const save = Effect.gen(function* () {
    const parameters = yield* trainer.parameters;
    yield* saveFolder(flags.out, config, (name) => Effect.succeed(parameters.get(name)!));
  });
  const nextBatch = makeBatches(seed, number("batch-tokens"), mixture());
  const started = yield* Clock.currentTimeMillis;
  let tokens = 0;
  let average: number | undefined;
  for (let step = 0; tokens < budget; step++) {
    const progress = tokens / budget;
    const level = levelAt(progress, { start: number("start-level"), span: 0.2 });
    const rate = lr * rateAt(step, progress, { warmup: 80, floor: 0.05 });
    const report = yield* trainer.step(nextBatch(level), rate);
    tokens += report.tokens;
    average = average === undefined ? report.loss : 0.98 * average + 0.02 * report.loss;
    if (step % LOG_EVERY === 0) {
      const seconds = ((yield* Clock.currentTimeMillis) - started) / 1000;
      const line = { step, tokens, loss: average, gradNorm: report.gradNorm, lr: rate, level };
      const speed = tokens / seconds;
      yield* Console.log(
        `step ${step}  ${(tokens / 1e6).toFixed(2)} M tokens  loss ${average.toFixed(4)}  ` +
          `norm ${report.gradNorm.toFixed(2)}  lr ${rate.toExponential(2)}  level ${level.toFixed(2)}  ` +
          `${speed.toFixed(0)} tok/s  ETA ${((budget - tokens) / speed / 60).toFixed(1)} min`,
      );
      if (flags.curve !== "") {
        yield* files.writeFileString(flags.curve, `${JSON.stringify(line)}\n`, { flag: "a" });
      }
    }
    if (step % SAVE_EVERY === SAVE_EVERY - 1) yield* save;
  }
  yield* save;
  yield* Console.log(`wrote ${flags.out}`);
});

program.pipe(
  Effect.provide(Layer.merge(NodeServices.layer, computeOnnx({ threads: number("threads") }))),
  NodeRuntime.runMain,
);
