/** The verbs of `resd playbook`, with their flags and their help. */
import type { Override } from "@resd/run";
import { Effect, Schema } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { json, layersFile } from "../flags.ts";

const source = Argument.String("source").pipe(
  Argument.withDescription(
    "Folder of a run, a SQLite file of playbook-sqlite, a snapshot in JSON, or a text in the form of ACE",
  ),
);
const key = Flag.String("key").pipe(
  Flag.withDescription("Which playbook, where there are several: global, or the key of a task"),
  Flag.optional,
);
const NotNegative = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));
const updates = (name: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.withSchema(NotNegative),
    Flag.withDescription(description),
    Flag.optional,
  );
const at = updates("at", "As it was after so many updates (of a run, or of a SQLite file)");

const show = Command.make(
  "show",
  {
    source,
    key,
    at,
    entry: Flag.String("entry").pipe(
      Flag.withDescription("Everything about one entry: what made it, and who credited it"),
      Flag.optional,
    ),
    json,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./show.ts")),
      (verb) => verb.show(input),
    ),
).pipe(
  Command.withDescription(
    "Show the lessons of a playbook with their credit; of one entry also which attempt, reflection and operation made it, and every tag.",
  ),
  Command.withShortDescription("Show lessons, and where one comes from"),
  Command.withExamples([
    { command: "npm start -- playbook show runs/kestrel-seed-1", description: "All lessons" },
    {
      command: "npm start -- playbook show runs/kestrel-seed-1 --entry sai-00003",
      description: "The story of one",
    },
  ]),
);

const diff = Command.make(
  "diff",
  {
    before: source,
    after: Argument.String("other").pipe(
      Argument.withDescription("Another place; the same one unless given"),
      Argument.optional,
    ),
    key,
    from: updates("from", "The first place after so many updates"),
    to: updates("to", "The second place after so many updates"),
    json,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./diff.ts")),
      (verb) => verb.diff(input),
    ),
).pipe(
  Command.withDescription(
    "Show what came, left, was reworded and was credited between two moments of a playbook, or between two playbooks, whose entries are then known again by their words.",
  ),
  Command.withShortDescription("Compare two moments, or two playbooks"),
  Command.withExamples([
    {
      command: "npm start -- playbook diff runs/kestrel-seed-1 --from 12 --to 24",
      description: "Twelve updates of a run",
    },
    {
      command: "npm start -- playbook diff runs/kestrel-seed-1 runs/kestrel-seed-2",
      description: "Two runs",
    },
  ]),
);

const lift = (overrides: ReadonlyArray<Override>) =>
  Command.make(
    "lift",
    {
      run: Argument.String("run").pipe(
        Argument.withDescription("Folder of a run, such as runs/kestrel-seed-1"),
      ),
      source: Argument.String("source").pipe(
        Argument.withDescription("Another playbook to measure; the run's own unless given"),
        Argument.optional,
      ),
      weights: Flag.Literals("weights", ["trained", "initial"]).pipe(
        Flag.withDescription(
          "Whose teacher: the weights that the run ended with, which may know the lessons by heart, or those that it began with",
        ),
        Flag.withDefault("trained" as const),
      ),
      entries: Flag.Int("leave-out").pipe(
        Flag.withSchema(NotNegative),
        Flag.withDescription(
          "So many entries are left out, one at a time, those with the most tags; each costs an evaluation",
        ),
        Flag.withDefault(1_000_000),
      ),
      file: layersFile,
      json,
    },
    (input) =>
      Effect.flatMap(
        Effect.promise(() => import("./lift.ts")),
        (verb) => verb.lift({ ...input, overrides }),
      ),
  ).pipe(
    Command.withDescription(
      "Measure success on held-out tasks with the playbook in the prompt, without it, and without each of its entries: the same tasks, samples and draws each time. Entries whose intervals overlap are not ranked. Dotted flags change what is measured.",
    ),
    Command.withShortDescription("Measure what a playbook, and each entry, is worth"),
    Command.withExamples([
      {
        command: "npm start -- playbook lift runs/kestrel-seed-1 --weights initial",
        description: "What the lessons tell a model that was not trained on them",
      },
      {
        command:
          "npm start -- playbook lift runs/kestrel-seed-1 --environment.options.heldOutSize=256",
        description: "On more tasks",
      },
    ]),
  );

const exportVerb = Command.make(
  "export",
  {
    source,
    key,
    at,
    as: Flag.Literals("as", ["text", "json"]).pipe(
      Flag.withDescription("The text form of ACE, or a snapshot with provenance"),
      Flag.withDefault("text" as const),
    ),
    out: Flag.String("out").pipe(
      Flag.withDescription("File to write; printed unless given"),
      Flag.optional,
    ),
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./export.ts")),
      (verb) => verb.exportPlaybook(input),
    ),
).pipe(
  Command.withDescription(
    "Write a playbook as text that people and other programs read, or as a snapshot.",
  ),
  Command.withShortDescription("Write a playbook as text or JSON"),
  Command.withExamples([
    {
      command: "npm start -- playbook export runs/kestrel-seed-1 --out lessons.txt",
      description: "As text",
    },
  ]),
);

const importVerb = Command.make(
  "import",
  {
    source,
    into: Flag.String("into").pipe(
      Flag.withDescription(
        "A SQLite file (.sqlite) or a snapshot (.json), made if it is not there",
      ),
    ),
    key,
    json,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./import.ts")),
      (verb) => verb.importPlaybook(input),
    ),
).pipe(
  Command.withDescription(
    "Take a playbook over into a store, with its credit and, from JSON, its provenance. Entries keep their ids unless those were given there before. A run begins with it by --playbook.use=sqlite --playbook.options.file=<file>, or --playbook.options.from=<file> in memory.",
  ),
  Command.withShortDescription("Take a playbook over into a store"),
  Command.withExamples([
    {
      command: "npm start -- playbook import lessons.txt --into lessons.sqlite",
      description: "From text",
    },
  ]),
);

const many = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.atLeast(0));

const edit = Command.make(
  "edit",
  {
    store: Argument.String("store").pipe(
      Argument.withDescription("A SQLite file (.sqlite) or a snapshot (.json)"),
    ),
    key,
    add: many("add", 'A new lesson: "<section>: <lesson>"'),
    set: many("set", 'Other words for an entry: "<id>=<lesson>"'),
    join: many("join", 'One entry of several, with the credit of all: "<id>,<id>=<lesson>"'),
    drop: many("drop", "The id of an entry that goes"),
    near: Flag.Finite("near").pipe(
      Flag.withSchema(Schema.Finite.check(Schema.isBetween({ minimum: 0.05, maximum: 1 }))),
      Flag.withDescription("Merges entries that are at least this alike; 0.6 is a good beginning"),
      Flag.optional,
    ),
    text: Flag.String("text").pipe(
      Flag.withDescription("A file with the whole playbook as it shall be, from playbook export"),
      Flag.optional,
    ),
    json,
  },
  (input) =>
    Effect.flatMap(
      Effect.promise(() => import("./edit.ts")),
      (verb) => verb.edit(input),
    ),
).pipe(
  Command.withDescription(
    "Change a playbook as a person; the history says so. Without a flag the text form opens in EDITOR. Counts are earned, and cannot be edited.",
  ),
  Command.withShortDescription("Add, reword, merge and take out lessons"),
  Command.withExamples([
    {
      command:
        'npm start -- playbook edit lessons.sqlite --drop sai-00003 --add "OTHERS: Mind the carry."',
      description: "One goes, one comes",
    },
  ]),
);

/** Flags of these verbs that no other verb has; they are not values of the configuration here. */
export const PLAYBOOK_FLAGS: ReadonlyArray<string> = [
  "key",
  "at",
  "entry",
  "to",
  "weights",
  "leave-out",
  "as",
  "into",
  "add",
  "set",
  "join",
  "drop",
  "near",
  "text",
];

/** `resd playbook …`. */
export const playbook = (overrides: ReadonlyArray<Override>) =>
  Command.make("playbook").pipe(
    Command.withDescription("Look at lessons, compare and measure them, move and change them."),
    Command.withShortDescription("Lessons: show, diff, lift, export, import, edit"),
    Command.withSubcommands([show, diff, lift(overrides), exportVerb, importVerb, edit]),
  );
