/** Runs from configuration to summary, in this process. */
import { assert, describe, it } from "@effect/vitest";
import { PolicyError } from "@resd/core";
import { RunSummary, defineRun, readRun, run } from "@resd/run";
import { Deferred, Effect, Exit, Fiber, FileSystem, Schema } from "effect";
import {
  prepareIn,
  readAll,
  runServices,
  scriptedPolicy,
  scriptedRun,
  timelessRows,
} from "./_scripted_run.ts";

const readSummary = (folder: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const text = yield* fs.readFileString(`${folder}/summary.json`);
    return yield* Schema.decodeEffect(Schema.fromJsonString(RunSummary))(text);
  });

describe("a run", () => {
  it.live("conduct leaves a folder from which everything can be read", () =>
    Effect.gen(function* () {
      const { files, conduct } = yield* prepareIn(scriptedRun(scriptedPolicy()));
      const summary = yield* conduct;
      assert.deepStrictEqual(yield* readSummary(files.folder), summary);
      assert.deepInclude(summary, {
        outcome: "finished",
        name: "kestrel",
        variant: "resd",
        seed: 1,
        updates: 6,
        interactions: 24,
      });
      assert.containsAllKeys(summary.phases, [
        "load",
        "rollout",
        "reflect",
        "update",
        "evaluate",
        "save",
      ]);
      assert.lengthOf(summary.curve, 3);
      assert.deepStrictEqual(
        summary.playbook.entries.map(({ key, text }) => [key, text]),
        [["global", "double is PEF"]],
      );

      const written = yield* readAll(files.folder);
      for (let step = 1; step <= 6; step++) {
        const rollouts = written[`rollouts/step-00000${step}.jsonl`]!.trim().split("\n");
        assert.lengthOf(rollouts, 4);
        assert.containsAllKeys(JSON.parse(rollouts[0]!), [
          "studentPrompt",
          "teacherPrompt",
          "feedback",
          "reflection",
          "signal",
          "tests",
          "ids",
        ]);
      }
      const rows = timelessRows(written["metrics.jsonl"]!);
      assert.deepStrictEqual(
        rows.map((row) => [row["type"], row["update"]]),
        [
          ["evaluation", 0],
          ["update", 1],
          ["update", 2],
          ["update", 3],
          ["evaluation", 3],
          ["update", 4],
          ["update", 5],
          ["update", 6],
          ["evaluation", 6],
        ],
      );
      assert.containsAllKeys(rows[1]!, ["loss", "gradNorm", "parameters", "rollouts"]);
      assert.deepStrictEqual(JSON.parse(written["run.json"]!).layers, ["policy", "curator"]);
      assert.containsAllKeys(JSON.parse(written["run.json"]!), [
        "command",
        "versions",
        "hardware",
        "seed",
        "weights",
        "plugins",
      ]);
      const { config, sources } = JSON.parse(written["config.resolved.json"]!);
      assert.strictEqual(config.resd.updates, 6);
      assert.strictEqual(sources["resd.updates"], "code");
      assert.strictEqual(sources["resd.lr"], "preset kestrel");
      assert.include(written["playbook/000001.json"], "double is PEF");
      assert.include(written["playbook/snapshot.json"], "double is PEF");
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("conduct writes the same files twice, times aside", () =>
    Effect.gen(function* () {
      const folders: Array<Record<string, string>> = [];
      for (let i = 0; i < 2; i++) {
        const { files, conduct } = yield* prepareIn(scriptedRun(scriptedPolicy()));
        yield* conduct;
        folders.push(yield* readAll(files.folder));
      }
      const [one, two] = folders as [Record<string, string>, Record<string, string>];
      assert.deepStrictEqual(Object.keys(one).toSorted(), Object.keys(two).toSorted());
      for (const name of Object.keys(one)) {
        if (name.startsWith("rollouts/") || name.startsWith("playbook/")) {
          assert.strictEqual(one[name], two[name], name);
        }
      }
      assert.deepStrictEqual(
        timelessRows(one["metrics.jsonl"]!),
        timelessRows(two["metrics.jsonl"]!),
      );
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("conduct leaves a summary and the model behind when it is interrupted", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>();
      const saved: Array<string> = [];
      const policy = scriptedPolicy({
        update: () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never),
        save: (folder) => Effect.sync(() => void saved.push(folder)),
      });
      const { files, conduct } = yield* prepareIn(scriptedRun(policy));
      const fiber = yield* Effect.forkChild(conduct);
      yield* Deferred.await(reached);
      yield* Fiber.interrupt(fiber);
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)));
      const summary = yield* readSummary(files.folder);
      assert.strictEqual(summary.outcome, "interrupted");
      assert.strictEqual(summary.updates, 0);
      assert.isDefined(summary.heldOut.before);
      assert.isUndefined(summary.heldOut.after);
      assert.deepStrictEqual(saved, [files.model]);
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("conduct leaves a summary with the reason when the run fails", () =>
    Effect.gen(function* () {
      const broken = new PolicyError({ reason: "compute", message: "Expected memory, got none" });
      const policy = scriptedPolicy({ update: () => Effect.fail(broken) });
      const { files, conduct } = yield* prepareIn(scriptedRun(policy));
      assert.strictEqual(yield* Effect.flip(conduct), broken);
      const summary = yield* readSummary(files.folder);
      assert.strictEqual(summary.outcome, "failed");
      assert.strictEqual(summary.message, "Expected memory, got none");
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("conduct leaves a summary when a part cannot be built", () =>
    Effect.gen(function* () {
      const definition = defineRun({ config: { trackers: [], model: "./no-such-model" } });
      const { files, conduct } = yield* prepareIn(definition);
      const error = yield* Effect.flip(conduct);
      assert.match(error.message, /no-such-model/);
      const summary = yield* readSummary(files.folder);
      assert.deepInclude(summary, { outcome: "failed", updates: 0, message: error.message });
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("readRun() says that no best policy was kept, where none was", () =>
    Effect.gen(function* () {
      const { files, conduct } = yield* prepareIn(scriptedRun(scriptedPolicy(), { updates: 1 }));
      yield* conduct;
      const error = yield* Effect.flip(readRun(files.folder, "best"));
      assert.match(error.message, /Expected the best policy in .*best\/model, got no such folder/);
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("conduct keeps the best policy and its playbook in a folder of their own", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const saved: Array<string> = [];
      const policy = scriptedPolicy({
        save: (folder) =>
          Effect.gen(function* () {
            saved.push(folder.slice(folder.lastIndexOf("/run") + 5));
            yield* Effect.orDie(fs.makeDirectory(folder, { recursive: true }));
          }),
      });
      const definition = scriptedRun(policy, {
        evaluation: { every: 1, tasks: 4, samples: 2, keepBest: "perTest", patience: 2 },
      });
      const { files, conduct } = yield* prepareIn(definition);
      const summary = yield* conduct;
      assert.strictEqual(summary.updates, 2); // the script never improves
      assert.deepInclude(summary.best, { update: 0, measure: "perTest", split: "heldOut" });
      assert.deepStrictEqual(saved, ["best.partial/model", "model"]);
      const kept = JSON.parse(yield* fs.readFileString(files.bestPoint));
      assert.deepStrictEqual(kept, summary.curve[0]);
      assert.isTrue(yield* fs.exists(files.bestModel));
      assert.deepInclude(yield* readRun(files.folder, "best"), { model: files.bestModel });
      const { name: _, ...older } = { ...summary, variant: "kestrel" }; // as the name was written at first
      yield* fs.writeFileString(files.summary, JSON.stringify(older));
      assert.deepStrictEqual((yield* readRun(files.folder, "best")).summary, summary);
      assert.notInclude(yield* fs.readFileString(files.bestPlaybook), "double is PEF");
      assert.deepStrictEqual(
        (yield* fs.readDirectory(files.folder)).filter((name) => name.startsWith("best")),
        ["best"],
      );
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("run() is the same from code, and refuses what prepareRun() refuses", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = yield* fs.makeTempDirectoryScoped();
      const definition = scriptedRun(scriptedPolicy(), { updates: 1 });
      const overrides = [{ path: "runDir", text: folder }];
      assert.strictEqual((yield* run(definition, overrides)).updates, 1);
      const again = yield* Effect.flip(run(definition, overrides));
      assert.match(again.message, /Expected a new or empty folder/);
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("prepareRun() refuses unknown options of a plugin, and leaves no folder behind", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const folder = `${yield* fs.makeTempDirectoryScoped()}/run`;
      const definition = scriptedRun(scriptedPolicy());
      const error = yield* Effect.flip(
        run(definition, [
          { path: "runDir", text: folder },
          { path: "environment.options.levl", text: "siblings" },
        ]),
      );
      assert.strictEqual(
        error.message,
        "Expected a known key, got environment.options.levl, at --environment.options.levl; did you mean environment.options.level?",
      );
      assert.isFalse(yield* fs.exists(folder));
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("layers replace plugins, and configured values reach the ones that stay", () =>
    Effect.gen(function* () {
      const { files, conduct } = yield* prepareIn(scriptedRun(scriptedPolicy(), { updates: 1 }), [
        { path: "environment.options.level", text: "siblings" },
      ]);
      yield* conduct;
      const written = yield* readAll(files.folder);
      assert.include(written["rollouts/step-000001.jsonl"], "kestrel/siblings/1/train/0");
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );
});
