/** The policy that a run trains: the model of a folder, on the run's compute backend. */
import type { OptimizerOptions } from "@resd/engine";
import type { ResdConfig } from "@resd/resd";
import { Effect, Layer } from "effect";
import type { RunConfig } from "./run_config.ts";

/** AdamW as it is said; under Muon it moves what is no matrix, and decay is Muon's. */
const optimizerOf = ({ name, ...adamw }: ResdConfig["optimizer"]): OptimizerOptions =>
  name === "adamw"
    ? { _tag: "AdamW", ...adamw }
    : { _tag: "Muon", weightDecay: adamw.weightDecay, rest: { _tag: "AdamW", ...adamw } };

/** The engine is imported when the layer is built: a run with a policy in code does without it. */
export const policyLayer = ({ model, resd }: Pick<RunConfig, "model" | "resd">) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("@resd/engine")),
      ({ localPolicyLayer }) =>
        localPolicyLayer({
          folder: model,
          optimizer: optimizerOf(resd.optimizer),
          horizon: resd.sampling.rollout.maxTokens,
        }),
    ),
  );
