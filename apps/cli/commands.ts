/** The verbs with their flags and their help. Each verb's code is loaded when it is asked for. */
import type { Override } from "@resd/run";
import { Effect, Schema } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { env } from "./env/commands.ts";
import { playbook } from "./playbook/commands.ts";

const configFile = Argument.String("file").pipe(
  Argument.withDescription("Configuration: a .toml, .json or .ts file"),
  Argument.optional,
);
const runFolder = Argument.String("run").pipe(
  Argument.withDescription("Folder of a run, such as runs/kestrel-seed-1"),
);
const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print the result as one line of JSON, and nothing else"),
  Flag.withDefault(false),
);

const OVERRIDES = `Every value of the configuration is a flag with a dotted path: --resd.lr=1e-3, --environment.options.level=siblings, --resd.clipNorm=null (none). --dry-run prints them all, each with where it came from.`;

const train = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "train",
    {
      file: configFile,
      json,
      resume: Flag.String("resume").pipe(
        Flag.withDescription(
          "Go on with the run in this folder, from its newest checkpoint (docs/resume.md)",
        ),
        Flag.optional,
      ),
      dryRun: Flag.Boolean("dry-run").pipe(
        Flag.withDescription(
          "Print the whole configuration, with where each value came from, and stop",
        ),
        Flag.withDefault(false),
      ),
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("./train.ts")),
        (verb) => verb.train({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      `Train a policy on what went wrong. Without a file it is the preset kestrel: a small decoder learns the commands of an undocumented chip, in about a minute on two cores.

${OVERRIDES}

--preset <name> starts from another preset, --variant <name> runs another method on it (docs/variants.md), --seed <n> draws other tasks and samples, --run-dir <folder> says where the run is written (runs/<name>-seed-<n> unless given). Ctrl-C leaves a readable folder. --checkpoint.every=<updates> keeps what the run needs to go on, and --resume <folder> goes on.`,
    ),
    Command.withShortDescription("Train a policy, and report"),
    Command.withExamples([
      { command: "npm start", description: "The default run" },
      { command: "npm start -- --seed 7 --run-dir runs/seven", description: "Another seed" },
      {
        command: "npm start -- --environment.options.level=siblings --resd.updates=20",
        description: "Another level, and a third of the updates",
      },
      {
        command: "npm start -- --resd.reflect=false --resd.playbook=none",
        description: "An ablation: no words, only feedback and solutions",
      },
      {
        command: "npm start -- train my_run.ts --dry-run",
        description: "What a configuration in TypeScript comes to (docs/compose.md)",
      },
      {
        command: "npm start -- --resume runs/kestrel-seed-1",
        description: "A run with checkpoints that was cut off",
      },
      { command: "npm start -- --json | tail -1", description: "The summary for a program" },
    ]),
  );

const evaluate = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "eval",
    {
      runs: runFolder.pipe(Argument.atLeast(1)),
      file: Flag.String("file").pipe(
        Flag.withDescription("The .ts file whose layers the run was made of, if it had any"),
        Flag.optional,
      ),
      best: Flag.Boolean("best").pipe(
        Flag.withDescription("Measure the best policy that the run has kept (evaluation.keepBest)"),
        Flag.withDefault(false),
      ),
      recorded: Flag.Boolean("recorded").pipe(
        Flag.withDescription("Tell what the run measured itself, evaluation by evaluation"),
        Flag.withDefault(false),
      ),
      json,
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("./eval.ts")),
        (verb) => verb.evaluate({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      "Measure the trained policies of runs on held-out tasks, from bare prompts and with their playbooks in context, each number with its 95 % interval over tasks. Dotted flags change what is measured, not what was learned. --probes also asks what the policy could do before: those of its model's folder, or of a .jsonl file (docs/evaluation.md). With --json one line for each run.",
    ),
    Command.withShortDescription("Measure trained policies, with and without their playbooks"),
    Command.withExamples([
      { command: "npm start -- eval runs/kestrel-seed-1", description: "As the run measured it" },
      {
        command:
          "npm start -- eval runs/kestrel-seed-1 --environment.options.heldOutSize=256 --resd.evaluation.samples=8",
        description: "On more tasks, with more samples",
      },
      {
        command: "npm start -- eval runs/kestrel-seed-1 --probes",
        description: "And what the policy has forgotten",
      },
      {
        command: "npm start -- eval runs/* --recorded",
        description: "All evaluations of all runs, and which one the paper's rule picks",
      },
    ]),
  );

const exportVerb = Command.make(
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
      Effect.promise(() => import("./export.ts")),
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

const sample = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "sample",
    {
      of: Argument.String("run").pipe(
        Argument.withDescription(
          "Folder of a run, or a configuration file; the untrained default unless given",
        ),
        Argument.optional,
      ),
      tasks: Flag.Int("tasks").pipe(
        Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
        Flag.withDescription("How many held-out tasks to follow"),
        Flag.withDefault(2),
      ),
      json,
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("./sample.ts")),
        (verb) => verb.sample({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      "Follow a few tasks through every prompt: what the student reads and writes, what the reflector makes of a failure, and what the same weights answer with all of it beside the task, as teacher.",
    ),
    Command.withShortDescription("Read the prompts, and what the model writes"),
    Command.withExamples([
      { command: "npm start -- sample", description: "The untrained model" },
      {
        command: "npm start -- sample runs/kestrel-seed-1 --tasks 5",
        description: "A trained model with its playbook",
      },
    ]),
  );

const compare = Command.make(
  "compare",
  {
    matrix: Argument.String("matrix").pipe(
      Argument.withDescription("Matrix of variants and seeds: a .json or .ts file"),
    ),
    jobs: Flag.Int("jobs").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
      Flag.withDescription(
        "Cells that run at the same time; as many as there are cores unless given",
      ),
      Flag.optional,
    ),
    out: Flag.String("out").pipe(
      Flag.withDescription("Folder of the report; runs/compare/<name of the file> unless given"),
      Flag.optional,
    ),
    cells: Flag.String("cells").pipe(
      Flag.withDescription("Folder of the runs; comparisons share what they have in common"),
      Flag.withDefault("runs/cells"),
    ),
    report: Flag.Boolean("report").pipe(
      Flag.withDescription("Run nothing, and report what has been run so far"),
      Flag.withDefault(false),
    ),
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Say which cells there are and which of them have been run, and stop"),
      Flag.withDefault(false),
    ),
    json,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./compare.ts")),
      (verb) => verb.compare(input),
    ),
).pipe(
  Command.withDescription(
    "Run every variant of a matrix on every seed, each in a process of its own, and report curves, crossings, ratios and claims with bootstrap intervals paired by seed. What has been run before is not run again; Ctrl-C leaves everything readable, and the same command goes on.",
  ),
  Command.withShortDescription("Compare variants over seeds, with intervals"),
  Command.withExamples([
    { command: "npm start -- compare experiments/main.json", description: "The main table" },
    {
      command: "npm start -- compare experiments/main.json --jobs 1 --json",
      description: "One run at a time; the whole result for a program",
    },
  ]),
);

const doctor = (overrides: ReadonlyArray<Override>) =>
  Command.make("doctor", { file: configFile, json }, (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./doctor.ts")),
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

const plan = (overrides: ReadonlyArray<Override>) =>
  Command.make("plan", { file: configFile, json }, (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./plan.ts")),
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

const prompts = Command.make("prompts", { run: Argument.optional(runFolder) }, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./prompts.ts")),
    (verb) => verb.prompts(input),
  ),
).pipe(
  Command.withDescription(
    "Print the wording that reflectors, curators and teachers of chat models are given, as a file: change it, and hand it to a run with --prompts <file>. Of a run it prints what that run used.",
  ),
  Command.withShortDescription("Print the wording of prompts, to be changed"),
  Command.withExamples([
    { command: "npm start -- prompts > my_prompts.md", description: "A file to begin with" },
    { command: "npm start -- --prompts my_prompts.md", description: "A run that uses it" },
  ]),
);

/** The command line, with the configuration values that were taken out of it. */
export const resd = (overrides: ReadonlyArray<Override>) =>
  Command.make("resd").pipe(
    Command.withDescription(
      `RESD: a policy acts, what failed is turned into words, and the words teach the policy's own weights.

npm start trains; npm start -- <verb> does anything else.`,
    ),
    Command.withSubcommands([
      train(overrides),
      evaluate(overrides),
      exportVerb,
      sample(overrides),
      compare,
      env(overrides),
      doctor(overrides),
      plan(overrides),
      playbook(overrides),
      prompts,
    ]),
    Command.withExamples([
      { command: "npm start", description: "Train the small model that comes along" },
      { command: "npm start -- train --help", description: "What can be changed, and how" },
      { command: "npm start -- doctor", description: "Check the machine first" },
    ]),
  );
