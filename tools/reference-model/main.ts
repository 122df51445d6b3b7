/**
 * Trains the reference model and writes it as a Hugging Face folder. The one that ships is what this gives:
 *
 *     node tools/reference-model/main.ts --seed 1 --out models/kestrel
 *
 * Same seed, same machine, same threads, same commit: the same weights.
 */
import { parseArgs } from "node:util";
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { layer as computeOnnx } from "@resd/compute-onnx";
import { Compute, hashSeed } from "@resd/core";
import { makeTrainer } from "@resd/engine";
import { type DecoderConfig, initialize, parseConfig, saveFolder } from "@resd/models";
import { Clock, Console, Effect, FileSystem } from "effect";
import { levelAt, makeBatches, rateAt } from "./schedule.ts";
import { VOCABULARY, wordId, writeTokenizer } from "./tokenizer.ts";

const { values: flags } = parseArgs({
  options: {
    out: { type: "string", default: "models/kestrel" },
    seed: { type: "string", default: "1" },
    tokens: { type: "string", default: "30000000" },
    "batch-tokens": { type: "string", default: "3600" },
    threads: { type: "string", default: "2" },
    curve: { type: "string", default: "" },
  },
});
const number = (name: keyof typeof flags): number => {
  const value = Number(flags[name]);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`Expected a number for --${name}, got ${flags[name]}`);
};

/**
 * What is learned last needs documents of its own and a second warm-up: with `foundation` throughout, the curator's
 * replies and programs beside a failed attempt stay behind (docs/log.md). `share` is of the tokens.
 */
const STAGES = [
  { mixture: "foundation", share: 7 / 15, startLevel: 0.2, lr: 0.003, muonLr: 0.02 },
  { mixture: "refinement", share: 8 / 15, startLevel: 0.95, lr: 0.002, muonLr: 0.0133 },
] as const;

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

/** One stage: a fresh optimizer on fresh documents. Returns the parameters it ends with. */
const train = Effect.fnUntraced(function* (
  stage: number,
  config: DecoderConfig,
  parameters: ReadonlyMap<string, Float32Array>,
) {
  const { mixture, share, startLevel, lr, muonLr } = STAGES[stage]!;
  const files = yield* FileSystem.FileSystem;
  const budget = number("tokens") * share;
  const trainer = yield* makeTrainer({
    config,
    parameters,
    compute: yield* Compute,
    optimizer: {
      _tag: "Muon",
      rateRatio: muonLr / lr,
      momentum: 0.95,
      weightDecay: 0.01,
      rest: { _tag: "AdamW", betas: [0.9, 0.98], eps: 1e-8, weightDecay: 0 },
    },
    clipNorm: 1,
    microBatchTokens: number("batch-tokens"),
  });
  const save = Effect.gen(function* () {
    const trained = yield* trainer.parameters;
    yield* saveFolder(flags.out, config, (name) => Effect.succeed(trained.get(name)!));
    return trained;
  });
  const nextBatch = makeBatches(hashSeed(number("seed"), stage), number("batch-tokens"), mixture);
  const started = yield* Clock.currentTimeMillis;
  let tokens = 0;
  let average: number | undefined;
  for (let step = 0; tokens < budget; step++) {
    const progress = tokens / budget;
    const level = levelAt(progress, { start: startLevel, span: 0.2 });
    const rate = lr * rateAt(step, progress, { warmup: 80, floor: 0.05 });
    const report = yield* trainer.step(nextBatch(level), rate);
    tokens += report.tokens;
    average = average === undefined ? report.loss : 0.98 * average + 0.02 * report.loss;
    if (step % LOG_EVERY === 0) {
      const seconds = ((yield* Clock.currentTimeMillis) - started) / 1000;
      const line = { mixture, step, tokens, loss: average, gradNorm: report.gradNorm, lr: rate };
      const speed = tokens / seconds;
      yield* Console.log(
        `${mixture}  step ${step}  ${(tokens / 1e6).toFixed(2)} of ${(budget / 1e6).toFixed(1)} M tokens  ` +
          `loss ${average.toFixed(4)}  norm ${report.gradNorm.toFixed(2)}  lr ${rate.toExponential(2)}  ` +
          `${speed.toFixed(0)} tok/s  ETA ${((budget - tokens) / speed / 60).toFixed(1)} min`,
      );
      if (flags.curve !== "") {
        yield* files.writeFileString(flags.curve, `${JSON.stringify(line)}\n`, { flag: "a" });
      }
    }
    if (step % SAVE_EVERY === SAVE_EVERY - 1) yield* save;
  }
  return yield* save;
});

const program = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem;
  const config = yield* parseConfig(configJson);
  yield* files.makeDirectory(flags.out, { recursive: true });
  yield* writeTokenizer(flags.out, LONGEST);
  let parameters: ReadonlyMap<string, Float32Array> = initialize(config, number("seed"));
  for (let stage = 0; stage < STAGES.length; stage++) {
    // A backend of its own: the programs of a stage would stay in memory for good.
    parameters = yield* train(stage, config, parameters).pipe(
      Effect.provide(computeOnnx({ threads: number("threads") })),
    );
  }
  yield* Console.log(`wrote ${flags.out}`);
});

program.pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain);
