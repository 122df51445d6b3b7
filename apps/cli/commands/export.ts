/** The flags and the help of `resd export`. */
import { Effect } from "effect";
import { Command, Flag } from "effect/cli";
import { json, runFolder } from "../flags.ts";

export const exportVerb = Command.make(
  "export",
  {
    run: runFolder,
    out: Flag.String("out").pipe(Flag.withDescription("The folder to write, which must not exist")),
    merge: Flag.Boolean("merge").pipe(
      Flag.withDescription(
        "A whole model, with an adapter merged into it; so it is unless --adapter",
      ),
      Flag.withDefault(false),
    ),
    adapter: Flag.Boolean("adapter").pipe(
      Flag.withDescription("The adapter of a run with --lora alone, in the layout of PEFT"),
      Flag.withDefault(false),
    ),
    best: Flag.Boolean("best").pipe(
      Flag.withDescription("The best policy that the run has kept (evaluation.keepBest)"),
      Flag.withDefault(false),
    ),
    dtype: Flag.Literals("dtype", ["f32", "bf16", "f16"]).pipe(
      Flag.withDescription("How weights are stored; as in the model unless given"),
      Flag.optional,
    ),
    shardSize: Flag.String("shard-size").pipe(
      Flag.withDescription("Largest file of weights; more are written above it, with an index"),
      Flag.withDefault("5GB"),
    ),
    force: Flag.Boolean("force").pipe(
      Flag.withDescription("Replace an earlier export in the same place"),
      Flag.withDefault(false),
    ),
    json,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("../export.ts")),
      (verb) => verb.exportPolicy(input),
    ),
).pipe(
  Command.withDescription(
    "Write the trained model of a run as a folder that transformers, vLLM and converters load: configuration, weights, tokenizer, chat template, and a card that says what it was trained from, how, and what that brought. The folder appears when it is whole; a crash leaves nothing under its name (docs/export.md).",
  ),
  Command.withShortDescription("Write a trained model as a folder for others"),
  Command.withExamples([
    { command: "npm start -- export runs/mine --out ./mine", description: "A whole model" },
    {
      command: "npm start -- export runs/mine --out ./mine-bf16 --dtype bf16 --shard-size 2GB",
      description: "In 16 bits, in files of at most two gigabytes",
    },
    {
      command: "npm start -- export runs/mine --out ./mine-lora --adapter",
      description: "The adapter of a run with --lora.r",
    },
  ]),
);
