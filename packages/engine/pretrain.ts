/** Pretraining and supervised fine-tuning: cross-entropy on chosen positions of token sequences. */
import { ComputeError, type ComputeShape, type HostArray } from "@resd/core";
import {
  type DecoderConfig,
  headWeights,
  type HiddenOptions,
  logits,
  parameterInputs,
  parameterSpecs,
} from "@resd/models";
import { crossEntropy } from "@resd/objectives";
import { gradient, graph, input, mul, sum, type Tensor } from "@resd/tensor";
import { Effect } from "effect";
import { addGradients, normOf } from "./accumulate.ts";
import {
  type Arrays,
  getArrays,
  prefixed,
  putArrays,
  releaseArrays,
  withPrefix,
} from "./arrays.ts";
import { gatherBucket, lengthBucket, halvedRows } from "./buckets.ts";
import { logitRows, stateRows } from "./language_rows.ts";
import { planMicroBatches } from "./micro_batch.ts";
import { clipScale, globalNorm, normNames, squaredNorms } from "./optim/clip.ts";
import {
  makeOptimizer,
  type Optimizer,
  type OptimizerOptions,
  type TrainableSpec,
} from "./optim/optimizer.ts";
import { padSequences } from "./padding.ts";
import { makePrograms, type ProgramSource } from "./programs.ts";
import { lossInChunks } from "./row_chunks.ts";

/** A sequence and what it should be continued with. */
export interface Document {
  readonly ids: Int32Array;
  /** Target of every position, -1 where nothing is to be predicted. `targets[t]` is the token after `ids[t]`. */
  readonly targets: Int32Array;
}

/** What a trainer starts from; `parameters` are copied. */
export interface TrainerOptions {
  readonly config: DecoderConfig;
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly compute: ComputeShape;
  readonly optimizer: OptimizerOptions;
  /** Global-norm limit; none when absent. */
  readonly clipNorm?: number;
  /** Padded tokens a program runs at once. Bounds memory; never changes a gradient. */
  readonly microBatchTokens?: number;
  /** Computes the blocks a second time for the gradient, instead of keeping what is inside them. Changes no value. */
  readonly checkpoint?: boolean;
}

/** What one step did. */
export interface TrainStep {
  /** Mean cross-entropy per supervised position, in nats. */
  readonly loss: number;
  /** Before clipping. */
  readonly gradNorm: number;
  /** Supervised positions. */
  readonly targets: number;
  /** Tokens read, padding not counted. */
  readonly tokens: number;
  /** Why the parameters did not change: the norm was not finite. */
  readonly skipped?: string;
}

/** Supervised training of one model; see `makeTrainer`. */
export interface Trainer {
  /** One optimizer step on the mean loss over all supervised positions of the batch. */
  readonly step: (
    batch: ReadonlyArray<Document>,
    lr: number,
  ) => Effect.Effect<TrainStep, ComputeError>;
  /** The mean loss over all supervised positions, without learning. */
  readonly evaluate: (batch: ReadonlyArray<Document>) => Effect.Effect<number, ComputeError>;
  /** Host copies of the current parameters. */
  readonly parameters: Effect.Effect<Map<string, Float32Array<ArrayBuffer>>, ComputeError>;
  readonly optimizer: Optimizer;
}

/** One micro-batch, ready to be fed. */
interface Feed {
  readonly key: string;
  readonly B: number;
  readonly T: number;
  readonly N: number;
  readonly data: Readonly<Record<string, HostArray>>;
}

const MICRO_BATCH_TOKENS = 2048;

/** Granularity of padded lengths: documents are many, so each length's program is used often. */
const STEP = 16;

const countTargets = ({ targets }: Document): number => {
  let count = 0;
  for (const target of targets) if (target >= 0) count += 1;
  return count;
};

const checkBatch = (batch: ReadonlyArray<Document>, config: DecoderConfig): string | undefined => {
  for (const [i, { ids, targets }] of batch.entries()) {
    if (ids.length !== targets.length) {
      return `Expected as many targets as ids (${ids.length}), got ${targets.length}, at document ${i}`;
    }
    if (ids.length === 0 || ids.length > config.max_position_embeddings) {
      return `Expected 1 to ${config.max_position_embeddings} tokens, got ${ids.length}, at document ${i}; cut or split it`;
    }
    for (let t = 0; t < ids.length; t++) {
      const [id, target] = [ids[t] as number, targets[t] as number];
      if (id < 0 || id >= config.vocab_size || target < -1 || target >= config.vocab_size) {
        return `Expected ids in 0..${config.vocab_size - 1} and targets in -1..${config.vocab_size - 1}, got ${id} and ${target}, at document ${i}, position ${t}`;
      }
    }
  }
  return undefined;
};

/** Cuts a batch into feeds; the coefficient of every target is one over the targets of the whole batch. */
const feedsOf = (
  batch: ReadonlyArray<Document>,
  total: number,
  budget: { readonly tokens: number },
  most: number,
): ReadonlyArray<Feed> => {
  const items = batch.map((document) => ({ lengths: [document.ids.length] }));
  return planMicroBatches(items, { ...budget, step: STEP }).map((group) => {
    const documents = group.map((index) => batch[index] as Document);
    const T = lengthBucket(Math.max(...documents.map(({ ids }) => ids.length)), STEP, most);
    const B = halvedRows(documents.length, T, budget.tokens);
    const found: Array<readonly [position: number, target: number]> = [];
    documents.forEach((document, row) =>
      document.targets.forEach((target, t) => {
        if (target >= 0) found.push([row * T + t, target]);
      }),
    );
    const N = gatherBucket(found.length, B * T, 2);
    // Where (nearly) all positions are supervised they stay where they are: a gather and its gradient would cost more.
    const place = (position: number, index: number): number => (N === B * T ? position : index);
    const rows = new Int32Array(N);
    const targets = new Int32Array(N);
    const coefficient = new Float32Array(N);
    found.forEach(([position, target], index) => {
      const at = place(position, index);
      rows[at] = position;
      targets[at] = target;
      coefficient[at] = 1 / total;
    });
    const ids = padSequences(
      documents.map((document) => document.ids),
      B,
      T,
    );
    return {
      key: `${B}x${T}/${N}`,
      B,
      T,
      N,
      data: { ids, targets, coefficient, ...(N === B * T ? {} : { rows }) },
    };
  });
};

const lossOf = (
  config: DecoderConfig,
  { B, T, N }: Feed,
  options: HiddenOptions = {},
): { loss: Tensor; parameters: Record<string, Tensor> } => {
  const parameters = parameterInputs(config, "p/");
  const ids = input("ids", [B, T], "i32");
  const rows = N === B * T ? undefined : input("rows", [N], "i32");
  const { loss } = lossInChunks(
    { states: [stateRows(config, parameters, ids, rows, options)], size: logitRows(config) },
    headWeights(config, parameters),
    ({ states: [own], cut }) => {
      const losses = crossEntropy({
        logits: logits(config, parameters, own as Tensor),
        tokens: cut(input("targets", [N], "i32")),
      });
      return { loss: sum(mul(losses, cut(input("coefficient", [N])))), perRow: {} };
    },
  );
  return { loss, parameters };
};

/** Loss, gradients and their squared norms of one micro-batch. */
const gradientProgram = (
  config: DecoderConfig,
  feed: Feed,
  options: HiddenOptions,
): ProgramSource => {
  const { loss, parameters } = lossOf(config, feed, options);
  const names = Object.keys(parameters);
  const all = gradient(loss, Object.values(parameters));
  const gradients = Object.fromEntries(names.map((name, i) => [name, all[i] as Tensor]));
  const outputs: Record<string, Tensor> = { loss, ...squaredNorms(gradients) };
  for (const name of names) outputs[`g/${name}`] = gradients[name] as Tensor;
  return { graph: graph(outputs, { name: `pretrain ${feed.key}` }) };
};

/** A trainer that owns its parameters and its optimizer's state on the backend. */
export const makeTrainer = Effect.fnUntraced(function* (
  options: TrainerOptions,
): Effect.fn.Return<Trainer, ComputeError> {
  const { config, compute, clipNorm, checkpoint = false } = options;
  const programs = makePrograms(compute);
  if (config.lora !== undefined) {
    return yield* new ComputeError({
      message:
        "Expected a model whose parameters are all trained, got one with an adapter; adapters are trained by a policy's updates",
      op: "pretrain",
    });
  }
  const specs: ReadonlyArray<TrainableSpec> = parameterSpecs(config);
  const missing = specs.find(({ name }) => !options.parameters.has(name));
  if (missing !== undefined) {
    return yield* new ComputeError({
      message: `Expected a parameter ${missing.name} [${missing.shape.join(", ")}], got none; initialise the model with initialize(config, seed)`,
      op: "pretrain",
    });
  }
  const budget = { tokens: options.microBatchTokens ?? MICRO_BATCH_TOKENS };
  const optimizer = yield* makeOptimizer(programs, specs, options.optimizer);
  let parameters = yield* putArrays(
    compute,
    specs,
    ({ name }) => options.parameters.get(name) as Float32Array,
  );
  const norms = normNames(specs);

  const prepared = Effect.fnUntraced(function* (batch: ReadonlyArray<Document>) {
    const problem = checkBatch(batch, config);
    if (problem !== undefined) return yield* new ComputeError({ message: problem, op: "pretrain" });
    const targets = batch.reduce((all, document) => all + countTargets(document), 0);
    return {
      targets,
      feeds: feedsOf(batch, Math.max(targets, 1), budget, config.max_position_embeddings),
    };
  });
  const inputsOf = ({ data }: Feed) => ({ ...data, ...prefixed("p/", parameters) });

  const step: Trainer["step"] = Effect.fnUntraced(function* (batch, lr) {
    const { targets, feeds } = yield* prepared(batch);
    let loss = 0;
    let gradNorm = Number.NaN;
    let gradients: Arrays | undefined;
    for (const feed of feeds) {
      const program = yield* programs.get(`gradient/${feed.key}`, () =>
        gradientProgram(config, feed, { checkpoint }),
      );
      const { arrays, values } = yield* program.run(inputsOf(feed), { read: ["loss", ...norms] });
      loss += values["loss"]?.[0] ?? Number.NaN;
      gradNorm = globalNorm(values, norms);
      const own = withPrefix(arrays, "g/");
      gradients =
        gradients === undefined ? own : yield* addGradients(programs, specs, gradients, own);
    }
    const result = { loss, targets, tokens: batch.reduce((all, { ids }) => all + ids.length, 0) };
    if (gradients === undefined) return { ...result, gradNorm: 0 };
    if (feeds.length > 1) gradNorm = yield* normOf(programs, specs, gradients);
    const gradScale = clipScale(gradNorm, clipNorm);
    if (gradScale === undefined) {
      yield* releaseArrays(compute, gradients);
      return { ...result, gradNorm, skipped: `the gradient norm is not finite: ${gradNorm}` };
    }
    // The old parameters are spent by the step: no interruption may fall between it and the new ones.
    yield* optimizer.step(parameters, gradients, { lr, gradScale }).pipe(
      Effect.map((next) => {
        parameters = next;
      }),
      Effect.uninterruptible,
    );
    return { ...result, gradNorm };
  });

  const evaluate: Trainer["evaluate"] = Effect.fnUntraced(function* (batch) {
    const { feeds } = yield* prepared(batch);
    let loss = 0;
    for (const feed of feeds) {
      const program = yield* programs.get(`loss/${feed.key}`, () => ({
        graph: graph({ loss: lossOf(config, feed).loss }, { name: `loss ${feed.key}` }),
      }));
      const { values } = yield* program.run(inputsOf(feed), { read: ["loss"] });
      loss += values["loss"]?.[0] ?? Number.NaN;
    }
    return loss;
  });

  return {
    step,
    evaluate,
    parameters: Effect.suspend(() => getArrays(compute, parameters)),
    optimizer,
  };
});
