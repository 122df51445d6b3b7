/** The policy that a run trains: the model of a folder, on the run's compute backend. */
import { Effect, Layer } from "effect";
import type { RunConfig } from "./run_config.ts";

/** The engine is imported when the layer is built: a run with a policy in code does without it. */
export const policyLayer = ({ model, resd }: Pick<RunConfig, "model" | "resd">) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("@resd/engine")),
      ({ localPolicyLayer }) => localPolicyLayer({ folder: model, optimizer: resd.optimizer }),
    ),
  );
