/** The flags and the help of `resd doctor`. */
import type { Override } from "@resd/run";
import { Effect } from "effect";
import { Command } from "effect/cli";
import { configFile, json } from "../flags.ts";

export const doctor = (overrides: ReadonlyArray<Override>) =>
  Command.make("doctor", { file: configFile, json }, (input) =>
    Effect.flatMap(
      Effect.promise(() => import("../doctor.ts")),
      (verb) => verb.doctor({ ...input, overrides }),
    ),
  ).pipe(
    Command.withDescription(
      "Look at what a run needs: Node.js, the machine, plugins, the compute backend and its speed, the model and its tokenizer. What is broken comes with what to do.",
    ),
    Command.withShortDescription("Check what a run needs"),
    Command.withExamples([
      { command: "npm start -- doctor", description: "For the default run" },
      { command: "npm start -- doctor --model models/mine", description: "For another model" },
    ]),
  );
