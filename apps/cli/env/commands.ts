/** The verbs of `resd env`, with their flags and their help. */
import type { Override } from "@resd/run";
import { Effect, Option, Schema } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { json } from "../flags.ts";

const environment = Argument.String("environment").pipe(
  Argument.withDescription(
    "Id, name of a package, path of its folder, or path of a single .ts file",
  ),
);

const list = Command.make("list", { json }, (input) =>
  Effect.flatMap(
    Effect.promise(() => import("./list.ts")),
    (verb) => verb.list(input),
  ),
).pipe(
  Command.withDescription(
    "List the environments that can be named here: those that come along, those that the package in this folder depends on, and the package itself. Nothing of them is run.",
  ),
  Command.withShortDescription("List environments"),
  Command.withExamples([{ command: "npm start -- env list", description: "What there is" }]),
);

const create = Command.make(
  "new",
  {
    name: Argument.String("name").pipe(
      Argument.withDescription("Name in lower case with hyphens, or a path that ends in one"),
    ),
    from: Flag.String("from").pipe(
      Flag.withDescription("Folder of tarballs to install from, until the packages are on npm"),
      Flag.optional,
    ),
  },
  ({ name, from }) =>
    Effect.flatMap(
      Effect.promise(() => import("./new.ts")),
      (verb) => verb.create({ name, from: Option.getOrUndefined(from) }),
    ),
).pipe(
  Command.withDescription(
    "Write a package of its own with an environment that works: one file, its test, its manifest, a README. npm test passes from the start.",
  ),
  Command.withShortDescription("Begin an environment of your own"),
  Command.withExamples([
    { command: "npm start -- env new ../my-env", description: "Beside the repository" },
    {
      command: "npm start -- env new ../my-env --from dist/tarballs",
      description: "On packages of this checkout (npm run pack makes the tarballs)",
    },
  ]),
);

const validate = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "validate",
    {
      use: environment,
      samples: Flag.Int("samples").pipe(
        Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
        Flag.withDescription("Tasks looked at in every split"),
        Flag.withDefault(4),
      ),
      patience: Flag.Int("patience").pipe(
        Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
        Flag.withDescription("Seconds after which a criterion that does not end is broken"),
        Flag.withDefault(120),
      ),
      json,
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("./validate.ts")),
        (verb) => verb.validate({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      "Examine an environment in a process of its own: its manifest, its tasks, gold and hostile answers, feedback, determinism, what it leaves open. What is broken comes with what was expected, what was got and what to do. Exits with 1 when a criterion is broken that is not a mere recommendation.",
    ),
    Command.withShortDescription("Check everything that an environment promises"),
    Command.withExamples([
      { command: "npm start -- env validate kestrel", description: "One that comes along" },
      {
        command: "npm start -- env validate kestrel --environment.options.level=siblings",
        description: "With options",
      },
      {
        command: "npm start -- env validate ../my-env --samples 20 --json",
        description: "Your own, on more tasks, for a program",
      },
    ]),
  );

const play = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "play",
    {
      use: environment,
      split: Flag.String("split").pipe(
        Flag.withDescription("Which tasks"),
        Flag.withDefault("train"),
      ),
      task: Flag.Int("task").pipe(
        Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
        Flag.withDescription("Which of them, counted from 0"),
        Flag.withDefault(0),
      ),
      answers: Flag.String("answer").pipe(
        Flag.withDescription("The answer, instead of asking; once for every turn"),
        Flag.atLeast(0),
      ),
      gold: Flag.Boolean("gold").pipe(
        Flag.withDescription("Play the answer that is known to be right"),
        Flag.withDefault(false),
      ),
      json,
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("./play.ts")),
        (verb) => verb.play({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      "Answer a task yourself, and see the reward, the tests and the feedback, as a reflector would read it.",
    ),
    Command.withShortDescription("Answer a task yourself"),
    Command.withExamples([
      { command: "npm start -- env play kestrel", description: "The first task" },
      {
        command: 'npm start -- env play kestrel --task 5 --answer "10: square ROK" --json',
        description: "Without a terminal",
      },
    ]),
  );

/** `resd env`. */
export const env = (overrides: ReadonlyArray<Override>) =>
  Command.make("env").pipe(
    Command.withDescription("Environments: find, begin, check and play them."),
    Command.withShortDescription("Find, begin, check and play environments"),
    Command.withSubcommands([list, create, validate(overrides), play(overrides)]),
    Command.withExamples([
      { command: "npm start -- env list", description: "What there is" },
      { command: "npm start -- env play kestrel", description: "Answer a task yourself" },
      { command: "npm start -- env new ../my-env", description: "Begin one of your own" },
      { command: "npm start -- env validate ../my-env", description: "Check it" },
    ]),
  );
