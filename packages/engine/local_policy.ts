/** The policy that runs here: a model folder on any compute backend. */
import {
  Compute,
  type LoraSettings,
  type Objective,
  Policy,
  PolicyError,
  type PolicyShape,
} from "@resd/core";
import { endTokenIds, parameterCount } from "@resd/models";
import { checkObjective, unmetNeeds } from "@resd/objectives";
import { loadTokenizer, type Tokenizer } from "@resd/tokenizers";
import { Effect, FileSystem, Layer, Path, type Scope, Semaphore } from "effect";
import { fileErrors } from "./checkpoint.ts";
import { generateBatch } from "./generate.ts";
import { modelOrigin } from "./model_source.ts";
import type { OptimizerOptions } from "./optim/optimizer.ts";
import { fromCompute, makePolicyState } from "./policy_state.ts";
import { makePrograms } from "./programs.ts";
import { checkGenerate, checkScore } from "./requests.ts";
import { scoreBatch } from "./score.ts";
import { runUpdate } from "./update.ts";

/** What a local policy is made of; only `folder` is needed. */
export interface LocalPolicyOptions {
  /** A model folder in Hugging Face's layout with its tokenizer's files. */
  readonly folder: string;
  /** Folder of an adapter in PEFT's layout for that model, to go on with. */
  readonly adapter?: string;
  /** Trains a low-rank adapter and leaves the model as it is; beside `adapter`, what that one has to be. */
  readonly lora?: LoraSettings;
  /** Draws the matrices of a new adapter; 0 when absent. */
  readonly seed?: number;
  /** AdamW with its defaults when absent. */
  readonly optimizer?: OptimizerOptions;
  /** Padded tokens of one update or score program, student and teacher together. Bounds memory, changes no gradient. */
  readonly microBatchTokens?: number;
  /** Bytes that the process may take: updates are cut so that they stay within; absent: as many as it wants. */
  readonly memoryBytes?: number;
  /** Most sequences generated together. */
  readonly maxRows?: number;
  /** T_max, the longest response: what the aggregation `seq-mean-token-sum-norm` divides by. */
  readonly horizon?: number;
}

/** Padded tokens of one program, and most sequences generated together, unless something else is asked for. */
export const MICRO_BATCH_TOKENS = 4096;
export const MAX_ROWS = 64;

const capabilities = (deterministic: boolean): PolicyShape["capabilities"] => ({
  objectives: [
    "bucket-kl",
    "sampled-kl",
    "policy-gradient",
    "cross-entropy",
    "mixture",
    "token-weights",
    "targets",
  ],
  topK: "full",
  teachers: ["frozen", "ema", "live", "trust-region", "hard-sync"],
  rawLogProbs: true,
  gradClip: true,
  deterministic,
});

/** Compares an objective with what this policy can do; each objective is looked at once. */
const makeObjectiveCheck = (able: PolicyShape["capabilities"]) => {
  const checked = new WeakSet<Objective>();
  return Effect.fnUntraced(function* (objective: Objective): Effect.fn.Return<void, PolicyError> {
    if (checked.has(objective)) return;
    const unmet = unmetNeeds(objective, able);
    if (unmet.length > 0) {
      return yield* new PolicyError({
        reason: "unsupported",
        message: `Expected an objective that the local policy computes, got ${objective._tag}, which ${unmet.join("; ")}`,
      });
    }
    yield* Effect.try({
      try: () => checkObjective(objective),
      catch: (cause) =>
        new PolicyError({ reason: "bad-request", message: (cause as Error).message }),
    });
    checked.add(objective);
  });
};

/** The format a tokenizer is made for: `compact` when it has that format's control tokens and no chat template. */
const formatOf = ({ controls, hasChatTemplate }: Tokenizer): "chat" | "compact" => {
  const names = new Set(controls.values());
  return !hasChatTemplate && names.has("<task>") && names.has("<prog>") ? "compact" : "chat";
};

/** The policy, for programs that hold a `Compute` themselves; `localPolicyLayer` is the same as a layer. */
export const makeLocalPolicy = Effect.fnUntraced(function* (
  options: LocalPolicyOptions,
): Effect.fn.Return<
  PolicyShape,
  PolicyError,
  Compute | FileSystem.FileSystem | Path.Path | Scope.Scope
> {
  const compute = yield* Compute;
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const { folder } = options;
  const origin = modelOrigin(folder, path);
  const programs = makePrograms(compute);
  const microBatchTokens = options.microBatchTokens ?? MICRO_BATCH_TOKENS;
  const state = yield* Effect.acquireRelease(
    fromCompute(
      makePolicyState(programs, {
        asked: { folder, adapter: options.adapter, lora: options.lora, seed: options.seed ?? 0 },
        origin: { base: origin.base, ...(origin.revision && { revision: origin.revision }) },
        optimizer: options.optimizer ?? { _tag: "AdamW" },
        microBatchTokens,
        horizon: options.horizon,
        memoryBytes: options.memoryBytes,
      }),
    ),
    ({ release }) => Effect.ignore(release),
  );
  const { config, sets, teacher } = state.trainee;
  const tokenizer = yield* loadTokenizer(folder).pipe(
    fileErrors(`Loading the tokenizer of ${folder}`, "model-files"),
  );
  if (tokenizer.vocabSize > config.vocab_size) {
    return yield* new PolicyError({
      reason: "model-files",
      message: `Expected a tokenizer of at most ${config.vocab_size} tokens, got ${tokenizer.vocabSize}, at ${folder}; tokenizer and weights do not belong together`,
    });
  }
  const parameters = parameterCount(config);
  const able = capabilities(compute.info.deterministic);
  const checkSupported = makeObjectiveCheck(able);
  const generation = {
    programs,
    config,
    parameters,
    ends: new Set(endTokenIds(config)),
    decode: tokenizer.decode,
    maxRows: options.maxRows ?? MAX_ROWS,
  };
  // One at a time: programs donate arrays, and an update moves the weights that everything else reads.
  const turn = yield* Semaphore.make(1);
  const alone = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem>) =>
    Semaphore.withPermit(
      turn,
      Effect.provideService(fromCompute(effect), FileSystem.FileSystem, fs),
    );

  return {
    info: {
      model: origin.name,
      format: formatOf(tokenizer),
      maxContext: config.max_position_embeddings,
      vocabSize: config.vocab_size,
      parameters,
      backend: compute.info.adapter ?? compute.info.name,
    },
    capabilities: able,
    encode: (prompt) =>
      Effect.mapError(
        Effect.fromResult(tokenizer.encode(prompt)),
        ({ message }) => new PolicyError({ reason: "bad-request", message }),
      ),
    decode: tokenizer.decode,
    generate: Effect.fn("policy.generate")(function* (requests) {
      yield* checkGenerate(requests, config);
      return yield* alone(generateBatch(generation, requests, state.weightsOf));
    }),
    score: Effect.fn("policy.score")(function* (items) {
      yield* checkScore(items, config);
      const context = { programs, config, microBatchTokens };
      return yield* alone(scoreBatch(context, items, state.weightsOf));
    }),
    update: Effect.fn("policy.update")(function* (batch, objective, step) {
      yield* checkSupported(objective);
      return yield* alone(runUpdate(state.trainee, batch, objective, step));
    }),
    version: (as) =>
      alone(
        Effect.suspend(() => {
          const { student } = state.trainee;
          return sets.version(as === "teacher" ? (teacher.arrays() ?? student) : student);
        }),
      ),
    save: (to, what) => alone(state.save(to, what)),
    load: (from) => alone(state.load(from)),
  };
});

/**
 * The local policy. Building the layer reads the weights of the model folder, and starts optimizer and teacher afresh;
 * `load` resumes from a folder that `save` wrote with "all".
 *
 * @example
 * ```ts
 * const policy = localPolicyLayer({ folder: "models/kestrel", optimizer: { _tag: "AdamW" } });
 * ```
 */
export const localPolicyLayer = (
  options: LocalPolicyOptions,
): Layer.Layer<Policy, PolicyError, Compute | FileSystem.FileSystem | Path.Path> =>
  Layer.effect(Policy, makeLocalPolicy(options));
