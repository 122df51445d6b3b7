/** The policy that a run trains: the model of a folder, on the run's compute backend. */
import type { OptimizerOptions } from "@resd/engine";
import type { ResdConfig } from "@resd/resd";
import { Effect, Layer } from "effect";
import { modelFolder } from "./model_finder.ts";
import type { RunConfig } from "./run_config.ts";

/** AdamW as it is said; under Muon it moves what is no matrix, and decay is Muon's. */
const optimizerOf = ({ name, ...adamw }: ResdConfig["optimizer"]): OptimizerOptions =>
  name === "adamw"
    ? { _tag: "AdamW", ...adamw }
    : { _tag: "Muon", weightDecay: adamw.weightDecay, rest: { _tag: "AdamW", ...adamw } };

/** The engine is imported when the layer is built: a run with a policy in code does without it. */
export const policyLayer = ({
  model,
  loraAdapter,
  lora,
  seed,
  resd,
}: Pick<RunConfig, "model" | "loraAdapter" | "lora" | "seed" | "resd">) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { localPolicyLayer, modelOfAdapter } = yield* Effect.promise(
        () => import("@resd/engine"),
      );
      const named = loraAdapter === undefined ? yield* modelOfAdapter(model) : undefined;
      const folder = named === undefined ? model : yield* modelFolder(named);
      const found = named === undefined ? loraAdapter : model;
      return localPolicyLayer({
        folder,
        ...(found === undefined ? {} : { adapter: found }),
        ...(lora === undefined ? {} : { lora }),
        seed,
        optimizer: optimizerOf(resd.optimizer),
        horizon: resd.sampling.rollout.maxTokens,
      });
    }),
  );
