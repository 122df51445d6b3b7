/**
 * Tries playbooks harder than tests have time for.
 *
 *     node tools/playbooks/main.ts laws --store sqlite --sequences 10000
 *     node tools/playbooks/main.ts kill --kills 50
 *     node tools/playbooks/main.ts writers --processes 4 --lessons 500
 *     node tools/playbooks/main.ts fuzz --replies 100000
 *     node tools/playbooks/main.ts stores --seed 100
 *     node tools/playbooks/main.ts same runs/once runs/again
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { layer as memory } from "@resd/playbook-memory";
import { layer as sqlite } from "@resd/playbook-sqlite";
import { playbookLaws } from "@resd/testing";
import { Console, Duration, Effect, Option, Schema } from "effect";
import { Argument, Command, Flag } from "effect/cli";
import { fuzz } from "./fuzz.ts";
import { killWriters } from "./kill.ts";
import { sameRuns, sameRunsText } from "./same_runs.ts";
import { trainWithBoth } from "./two_stores.ts";
import { writeTogether } from "./writers.ts";

const Positive = Schema.Int.check(Schema.isGreaterThan(0));
const count = (name: string, usual: number, description: string) =>
  Flag.Int(name).pipe(
    Flag.withSchema(Positive),
    Flag.withDefault(usual),
    Flag.withDescription(description),
  );
const seed = Flag.Int("seed").pipe(Flag.withDefault(0), Flag.withDescription("Names the draws"));

/** A place for files that is gone afterwards. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "resd-playbooks-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true })),
);

const seconds = (taken: Duration.Duration): string => `${Duration.toSeconds(taken).toFixed(1)} s`;

const laws = Command.make(
  "laws",
  {
    store: Flag.Literals("store", ["memory", "sqlite"]).pipe(
      Flag.withDefault("sqlite" as const),
      Flag.withDescription("Which store; sqlite is tried in memory and in a file"),
    ),
    sequences: count("sequences", 10_000, "Random sequences of changes"),
    seed,
  },
  ({ store, ...settings }) =>
    Effect.gen(function* () {
      const stores =
        store === "memory"
          ? [["memory", memory({})] as const]
          : [
              ["sqlite, :memory:", sqlite({ file: ":memory:" })] as const,
              [
                "sqlite, file",
                sqlite({ file: join(yield* folder, "playbook.sqlite"), durability: "process" }),
              ] as const,
            ];
      for (const [name, layer] of stores) {
        for (const law of playbookLaws(layer, settings)) {
          // A file is one store for all laws, so only the law that cleans up after itself is tried on it.
          if (name === "sqlite, file" && law.id !== "playbook.sequence.model") continue;
          const [taken] = yield* Effect.timed(law.run);
          yield* Console.log(`${name}  ${law.id}  kept  ${seconds(taken)}`);
        }
      }
    }).pipe(Effect.scoped),
).pipe(Command.withDescription("The laws of playbooks, with many sequences"));

const kill = Command.make(
  "kill",
  {
    kills: count("kills", 50, "How many writers are killed, one after another, on one file"),
    longest: count("longest", 400, "Longest life of a writer after its first change, in ms"),
    durability: Flag.Literals("durability", ["process", "power"]).pipe(
      Flag.withDefault("process" as const),
      Flag.withDescription("The store's option"),
    ),
    seed,
  },
  (options) =>
    Effect.gen(function* () {
      const file = join(yield* folder, "playbook.sqlite");
      const [taken, kills] = yield* Effect.timed(killWriters({ ...options, file }));
      const acknowledged = kills.map((one) => one.acknowledged);
      yield* Console.log(
        [
          `${kills.length} writers killed by SIGKILL, ${Math.min(...kills.map((one) => one.after)).toFixed(0)} to ${Math.max(...kills.map((one) => one.after)).toFixed(0)} ms after their first change, in ${seconds(taken)}`,
          `${acknowledged.reduce((sum, one) => sum + one, 0)} changes acknowledged (${Math.min(...acknowledged)} to ${Math.max(...acknowledged)} each), none lost`,
          `${kills.filter((one) => one.oneMore).length} times the change under way was kept as well`,
        ].join("\n"),
      );
    }).pipe(Effect.scoped),
).pipe(Command.withDescription("kill -9 a process that writes, and compare the file"));

const writers = Command.make(
  "writers",
  {
    processes: count("processes", 2, "Processes that start together"),
    lessons: count("lessons", 500, "Lessons that each adds and tags"),
  },
  ({ processes, lessons }) =>
    Effect.gen(function* () {
      const file = join(yield* folder, "playbook.sqlite");
      const [taken, found] = yield* Effect.timed(writeTogether(file, processes, lessons));
      yield* Console.log(
        `${processes} processes wrote ${found.entries} lessons and ${found.lines} changes to one file in ${seconds(taken)}, and all of them are there`,
      );
    }).pipe(Effect.scoped),
).pipe(Command.withDescription("Several processes write to one file at once"));

const fuzzing = Command.make(
  "fuzz",
  { replies: count("replies", 100_000, "Hostile replies of reflectors and curators"), seed },
  (options) =>
    Effect.gen(function* () {
      const [taken, found] = yield* Effect.timed(fuzz(options));
      yield* Console.log(
        [
          `${found.replies} hostile replies in ${found.updates} updates, ${seconds(taken)}: no crash, no broken playbook`,
          `${found.entries} entries were made, ${found.largest} at once`,
          ...Object.entries(found.outcomes)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, times]) => `${String(times).padStart(8)}  ${name}`),
        ].join("\n"),
      );
    }),
).pipe(Command.withDescription("Reflector and curator over a model that says anything at all"));

const stores = Command.make(
  "stores",
  {
    seed: Flag.Int("seed").pipe(Flag.withDefault(100), Flag.withDescription("Of both runs")),
    updates: Flag.Int("updates").pipe(
      Flag.withSchema(Positive),
      Flag.withDescription("The first so many updates; all of the preset unless given"),
      Flag.optional,
    ),
  },
  ({ seed: runSeed, updates }) =>
    Effect.gen(function* () {
      const values = Option.match(updates, {
        onNone: () => [],
        onSome: (some) => [`--resd.updates=${some}`],
      });
      const [taken, found] = yield* Effect.timed(trainWithBoth(yield* folder, runSeed, values));
      yield* Console.log(
        `The reference run of seed ${runSeed} with playbook-memory and with playbook-sqlite, ${seconds(taken)}: ${sameRunsText(found)}`,
      );
    }).pipe(Effect.scoped),
).pipe(Command.withDescription("The reference run with both stores, compared file by file"));

const runArgument = (name: string) =>
  Argument.String(name).pipe(Argument.withDescription("Folder of a run"));

const same = Command.make(
  "same",
  { first: runArgument("first"), second: runArgument("second") },
  ({ first, second }) =>
    Effect.flatMap(sameRuns(first, second), (found) => Console.log(sameRunsText(found))),
).pipe(Command.withDescription("Compares two runs file by file, times aside"));

Command.make("playbooks").pipe(
  Command.withDescription("Tries playbooks harder than tests have time for"),
  Command.withSubcommands([laws, kill, writers, fuzzing, stores, same]),
  Command.run({ version: "0.1.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain,
);
