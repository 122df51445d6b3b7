/** The flags and the help of `resd plan`. */
import type { Override } from "@resd/run";
import { Effect } from "effect";
import { Command } from "effect/cli";
import { configFile, json } from "../flags.ts";

export const plan = (overrides: ReadonlyArray<Override>) =>
  Command.make("plan", { file: configFile, json }, (input) =>
    Effect.flatMap(
      Effect.promise(() => import("../plan.ts")),
      (verb) => verb.plan({ ...input, overrides }),
    ),
  ).pipe(
    Command.withDescription(
      "Say what a run will take: memory by part, how updates are cut to stay within it, and about how long an update and a batch of rollouts last. Reads names and shapes of the weights, not the weights. What cannot run is refused, with what it would need (docs/memory.md).",
    ),
    Command.withShortDescription("Say what a run will take, before it runs"),
    Command.withExamples([
      {
        command: "npm start -- plan --model ./SmolLM2-135M-Instruct --preset paper/base",
        description: "Full fine-tuning",
      },
      {
        command:
          "npm start -- plan --model ./SmolLM2-135M-Instruct --preset paper/base --lora.r=16 --memoryGiB=4",
        description: "An adapter, within 4 GiB",
      },
    ]),
  );
