/** The flags and the help of `resd replay`. */
import type { Override } from "@resd/run";
import { Effect, Schema } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { json, layersFile, runFolder } from "../flags.ts";

/** Flags of this verb that are configuration, or nothing, on other command lines. */
export const REPLAY_FLAGS: ReadonlyArray<string> = ["weights", "prompt", "greedy", "seed"];

export const replay = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "replay",
    {
      run: runFolder,
      episode: Argument.String("attempt").pipe(
        Argument.withDescription(
          "Id of an attempt, or as much of its beginning as tells it apart (resd show lists them)",
        ),
      ),
      weights: Flag.Literals("weights", ["trained", "best", "initial", "checkpoint"]).pipe(
        Flag.withDescription(
          "Those of the end, the best that the run has kept, those that it began with, or its newest checkpoint",
        ),
        Flag.withDefault("trained" as const),
      ),
      prompt: Flag.Literals("prompt", [
        "recorded",
        "task",
        "playbook-then",
        "playbook",
        "teacher",
      ]).pipe(
        Flag.withDescription(
          "What the policy reads: the tokens that it read then; the bare task; the task with the playbook as it was after that update; with the playbook beside the weights; or what the teacher read of the attempt",
        ),
        Flag.withDefault("recorded" as const),
      ),
      samples: Flag.Int("samples").pipe(
        Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
        Flag.withDescription("How many attempts; 4 unless given, 1 with --greedy"),
        Flag.optional,
      ),
      greedy: Flag.Boolean("greedy").pipe(
        Flag.withDescription("The most probable token each time, in the place of draws"),
        Flag.withDefault(false),
      ),
      seed: Flag.Int("seed").pipe(
        Flag.withDescription(
          "Names other draws; unless given, the first attempt draws as the recorded one did",
        ),
        Flag.optional,
      ),
      file: layersFile,
      json,
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("../replay.ts")),
        (verb) => verb.replay({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      "Make one recorded attempt of a run again: the same task in the same environment, with the weights and the prompt that you choose, and print what comes of it beside what was recorded. Nothing is learned, and nothing is written. Dotted flags change how it is done, such as --resd.sampling.rollout.temperature=0.6 (docs/runs.md).",
    ),
    Command.withShortDescription("Make one attempt of a run again"),
    Command.withExamples([
      {
        command: "npm start -- replay runs/kestrel-seed-1 3bb3097e",
        description: "Does the trained model solve it, from the same prompt?",
      },
      {
        command:
          "npm start -- replay runs/kestrel-seed-1 3bb3097e --weights initial --prompt teacher",
        description: "Would the untrained model have solved it with what the teacher read?",
      },
    ]),
  );
