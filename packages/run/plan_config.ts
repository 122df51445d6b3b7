/** What the policy of a run will take, from its configuration, before any weights are read. */
import { Compute } from "@resd/core";
import { Effect } from "effect";
import { policyOptions } from "./policy_layer.ts";
import type { RunConfig } from "./run_config.ts";

/** Plans a run whose prompts and answers are as long as its configuration allows. */
export const planConfig = Effect.fnUntraced(function* (config: RunConfig) {
  const { planPolicy } = yield* Effect.promise(() => import("@resd/engine"));
  const { maxBinding, maxBuffer } = (yield* Compute).info;
  const { memoryBytes = Infinity, ...options } = yield* policyOptions(config);
  const { resd } = config;
  return yield* planPolicy(options, {
    objective: resd.objective,
    samples: resd.batchSize * resd.rolloutsPerPrompt,
    prompt: resd.limits.promptTokens,
    teacherPrompt: resd.limits.teacherPromptTokens,
    answer: resd.sampling.rollout.maxTokens,
    budget: memoryBytes,
    limits: { maxBinding, maxBuffer },
  });
});
