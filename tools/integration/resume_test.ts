import { assert, layer } from "@effect/vitest";
import { type RunEvent, Tracker } from "@resd/core";
import { type ResumeRequest, prepareResume, readRun, runFiles } from "@resd/run";
import { writeChatModel } from "@resd/testing";
import { Deferred, Effect, Fiber, FileSystem, Layer, Schedule } from "effect";
import { asArguments, startCommand } from "./_command.ts";
import { readRunFiles, timelessMetrics } from "./_run_files.ts";
import { type ShortRun, shortFlags, trainShort } from "./_short_run.ts";
import { twoTurns } from "./_vowels.ts";
import { Workplace, place } from "./_workplace.ts";

const KEPT = { "checkpoint.every": "2", "resd.updates": "5", "resd.evaluation.every": "3" };

/** Ends a run for good when so many updates have been reported. */
const cutOff = Effect.fnUntraced(function* (updates: number, options: ShortRun) {
  const reached = yield* Deferred.make<void>();
  const tracker = Layer.succeed(Tracker, {
    event: (event: RunEvent) =>
      event._tag === "Updated" && event.update + 1 === updates
        ? Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
        : Effect.void,
  });
  const running = yield* Effect.forkChild(
    trainShort({ ...options, layers: { ...options.layers, tracker } }),
  );
  yield* Effect.race(Deferred.await(reached), Effect.orDie(Fiber.join(running)));
  yield* Fiber.interrupt(running);
  const { folder } = yield* Workplace;
  return { folder: `${folder}/${options.name}`, layers: { ...options.layers, tracker: silent } };
});

const silent = Layer.succeed(Tracker, { event: () => Effect.void });

const goOn = (request: ResumeRequest) =>
  Effect.scoped(Effect.flatMap(prepareResume(request), ({ conduct }) => conduct));

/** What must be the same in a run that went on: everything but times, commands and folders. */
const tracesOf = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const { summary } = yield* readRun(folder);
  const { wallSeconds: _, phases: _phases, folder: _folder, model: _model, ...counted } = summary;
  const { rollouts, operations, playbooks } = yield* readRunFiles(folder);
  const evaluations = runFiles(folder).evaluations;
  const names = (yield* fs.readDirectory(evaluations)).toSorted();
  return {
    metrics: yield* timelessMetrics(folder),
    counted,
    rollouts: [...rollouts],
    operations,
    playbooks,
    names,
    evaluations: yield* Effect.forEach(names, (name) =>
      fs.readFileString(`${evaluations}/${name}`),
    ),
    snapshot: yield* fs.readFileString(runFiles(folder).playbookSnapshot),
  };
});

layer(place, { excludeTestServices: true, timeout: 240_000 })("a run that was cut off", (it) => {
  it.effect(
    "resd train --resume goes on as if nothing had been, after kill -9 and with lines that were cut",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const { folder } = yield* Workplace;
        yield* trainShort({ name: "whole", flags: KEPT });
        assert.isFalse(yield* fs.exists(runFiles(`${folder}/whole`).checkpoints));

        const flags = yield* shortFlags({ name: "killed", flags: KEPT });
        const files = runFiles(`${folder}/killed`);
        const command = yield* startCommand(["train", ...asArguments(flags)]);
        const third = fs.readFileString(files.metrics).pipe(
          Effect.map((text) => text.includes(`"type":"update","update":3,`)),
          Effect.orElseSucceed(() => false),
          Effect.repeat({ until: (found) => found, schedule: Schedule.spaced("5 millis") }),
        );
        yield* Effect.race(third, command.ended);
        yield* Effect.sync(command.kill);
        assert.notStrictEqual((yield* command.ended).code, 0);
        for (const path of [files.metrics, files.operations])
          yield* fs.writeFileString(path, `{"type":"update","upd`, { flag: "a" });
        yield* fs.writeFileString(`${files.rollouts}/step-000004.jsonl.partial`, `{"update":4,`);

        const resumed = yield* startCommand(["train", "--json", "--resume", files.folder]);
        const { code, stderr } = yield* resumed.ended;
        assert.strictEqual(code, 0, stderr);
        assert.deepStrictEqual(yield* tracesOf(files.folder), yield* tracesOf(`${folder}/whole`));
        assert.isFalse(yield* fs.exists(files.checkpoints));
        const run = JSON.parse(yield* fs.readFileString(files.run));
        assert.lengthOf(run.resumed, 1);
        assert.isAtLeast(run.resumed[0].update, 2);
        const again = yield* Effect.flip(goOn({ folder: files.folder }));
        assert.include(again.message, "got one that has finished");
      }),
    240_000,
  );

  it.effect(
    "prepareResume() goes on with a chat model, its playbook in SQLite and attempts of two turns",
    () =>
      Effect.gen(function* () {
        const { folder } = yield* Workplace;
        const model = `${folder}/chat-model`;
        yield* writeChatModel(model, { seed: 3, config: { max_position_embeddings: 3072 } });
        const options = (name: string): ShortRun => ({
          name,
          flags: {
            preset: "paper/base",
            "playbook.use": "sqlite",
            "playbook.options.file": `${folder}/${name}.sqlite`,
            "checkpoint.every": "1",
            "resd.singlePass": "false",
            "resd.epochs": "2",
            "resd.updates": "4",
            "resd.updatesPerBatch": "2",
            "resd.batchSize": "2",
            "resd.sampling.rollout.maxTokens": "6",
            "resd.sampling.evaluate.maxTokens": "6",
            "resd.sampling.reflect.maxTokens": "16",
            "resd.evaluation.every": "2",
            "resd.evaluation.samples": "1",
            "resd.lr": "0.001",
            "resd.warmup.updates": "0",
            "resd.objective.teacher.rate": "0.1",
            model,
          },
          layers: { environment: twoTurns.layer({}), tracker: silent },
        });
        yield* trainShort(options("chat-whole"));
        const cut = yield* cutOff(3, options("chat-cut"));
        yield* goOn(cut);
        const [whole, resumed] = [
          yield* tracesOf(`${folder}/chat-whole`),
          yield* tracesOf(cut.folder),
        ];
        assert.deepStrictEqual(resumed, whole);
      }),
    240_000,
  );

  it.effect(
    "prepareResume() goes on with an adapter, its moments and its teacher",
    () =>
      Effect.gen(function* () {
        const { folder } = yield* Workplace;
        const options = (name: string): ShortRun => ({
          name,
          flags: {
            ...KEPT,
            "checkpoint.every": "1",
            "resd.updates": "3",
            "lora.r": "2",
            "resd.lr": "0.01",
            "resd.warmup.updates": "0",
          },
          layers: { tracker: silent },
        });
        yield* trainShort(options("adapter-whole"));
        const cut = yield* cutOff(2, options("adapter-cut"));
        yield* goOn(cut);
        const whole = yield* tracesOf(`${folder}/adapter-whole`);
        assert.deepStrictEqual(yield* tracesOf(cut.folder), whole);
        const fs = yield* FileSystem.FileSystem;
        const matrices = (name: string) =>
          fs.readFile(`${folder}/${name}/model/adapter_model.safetensors`);
        assert.deepStrictEqual(yield* matrices("adapter-cut"), yield* matrices("adapter-whole"));
      }),
    240_000,
  );

  it.effect(
    "prepareResume() names the key that is not as the run was started with, and what is missing",
    () =>
      Effect.gen(function* () {
        const { folder, layers } = yield* cutOff(2, { name: "changed", flags: KEPT });
        const refusal = (request: Partial<ResumeRequest>) =>
          Effect.map(
            Effect.flip(Effect.scoped(prepareResume({ folder, layers, ...request }))),
            ({ message }) => message,
          );
        assert.strictEqual(
          yield* refusal({ overrides: [{ path: "resd.lr", text: "1e-2" }] }),
          "Expected resd.lr as the run was started with, 0.0015, got 0.01, at --resd.lr; leave it out, or start a new run",
        );
        assert.include(
          yield* refusal({ parts: [{ source: "file my.json", values: { seed: 3 } }] }),
          "Expected seed as the run was started with, 101, got 3, at file my.json",
        );
        assert.include(
          yield* refusal({ layers: {} }),
          "Expected the layers in code that the run was started with (tracker), got none",
        );
        assert.include(
          yield* refusal({ folder: `${folder}-none` }),
          "got no such file; give the folder of a run",
        );
        assert.include(yield* refusal({}), "Expected a checkpoint in");
      }),
    240_000,
  );
});
