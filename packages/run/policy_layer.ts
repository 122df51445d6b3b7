/** The policy that a run trains: the model of a folder, on the run's compute backend. */
import type { OptimizerOptions } from "@resd/engine";
import type { ResdConfig } from "@resd/resd";
import { Effect, Layer, Option } from "effect";
import { modelFolder } from "./model_finder.ts";
import type { RunConfig } from "./run_config.ts";
import { RunHost } from "./run_host.ts";

/** AdamW as it is said; under Muon it moves what is no matrix, and decay is Muon's. */
const optimizerOf = ({ name, ...adamw }: ResdConfig["optimizer"]): OptimizerOptions =>
  name === "adamw"
    ? { _tag: "AdamW", ...adamw }
    : { _tag: "Muon", weightDecay: adamw.weightDecay, rest: { _tag: "AdamW", ...adamw } };

/** What decides the policy of a run. */
type PolicyChoices = Pick<
  RunConfig,
  "model" | "loraAdapter" | "lora" | "seed" | "memoryGiB" | "resd"
>;

/** Of the memory that the host has for us, where nothing is said. */
const MEMORY_SHARE = 0.75;

/** Bytes that a run may take: as configured, or a part of what the host has. */
export const memoryBudget = Effect.fnUntraced(function* ({
  memoryGiB,
}: Pick<RunConfig, "memoryGiB">) {
  if (memoryGiB !== undefined) return memoryGiB * 2 ** 30;
  const host = yield* Effect.serviceOption(RunHost);
  return Option.isSome(host) ? host.value.facts.hardware.memoryBytes * MEMORY_SHARE : undefined;
});

/** The folders of a run's model and of its adapter, where it has one. An adapter that names its model is loaded on it. */
export const modelAndAdapter = Effect.fnUntraced(function* ({
  model,
  loraAdapter,
}: Pick<RunConfig, "model" | "loraAdapter">) {
  const { modelOfAdapter } = yield* Effect.promise(() => import("@resd/engine"));
  const named = loraAdapter === undefined ? yield* modelOfAdapter(model) : undefined;
  const folder = named === undefined ? model : yield* modelFolder(named);
  const adapter = named === undefined ? loraAdapter : model;
  return { folder, ...(adapter === undefined ? {} : { adapter }) };
});

/** What the policy of a run is made of. */
export const policyOptions = Effect.fnUntraced(function* (config: PolicyChoices) {
  const { lora, seed, resd } = config;
  const folders = yield* modelAndAdapter(config);
  const memoryBytes = yield* memoryBudget(config);
  return {
    ...folders,
    ...(lora === undefined ? {} : { lora }),
    seed,
    optimizer: optimizerOf(resd.optimizer),
    horizon: resd.sampling.rollout.maxTokens,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
});

/** The engine is imported when the layer is built: a run with a policy in code does without it. */
export const policyLayer = (config: PolicyChoices) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { localPolicyLayer } = yield* Effect.promise(() => import("@resd/engine"));
      return localPolicyLayer(yield* policyOptions(config));
    }),
  );
