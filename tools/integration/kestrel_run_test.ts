import { assert, layer } from "@effect/vitest";
import { layer as onnx } from "@resd/compute-onnx";
import { Playbook, SignalReason, hashName } from "@resd/core";
import { makeLocalPolicy } from "@resd/engine";
import { conventionOf, isMnemonic, pairingsOf } from "@resd/env-kestrel/language";
import { layer as memory } from "@resd/playbook-memory";
import { layer as sqlite } from "@resd/playbook-sqlite";
import { readRun, runFiles } from "@resd/run";
import { loadTokenizer } from "@resd/tokenizers";
import { Effect, FileSystem, Layer, Struct } from "effect";
import { Runs } from "./_kestrel_runs.ts";
import { type MetricsLine, readRunFiles, timelessMetrics } from "./_run_files.ts";
import { SEED, UPDATES } from "./_short_run.ts";
import { Workplace, place } from "./_workplace.ts";

const numbersUnder = (row: MetricsLine | undefined, prefix: string) =>
  Object.fromEntries(
    Object.entries(row ?? {}).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    ),
  );

const total = (rows: ReadonlyArray<MetricsLine>, key: string): number =>
  rows.reduce((sum, row) => sum + Number(row[key] ?? 0), 0);

layer(Layer.provideMerge(Runs.layer, place), { excludeTestServices: true, timeout: 120_000 })(
  "a run of the reference task",
  (it) => {
    it.effect("run() writes metrics that end where the summary does", () =>
      Effect.gen(function* () {
        const folder = yield* (yield* Runs).plain;
        const { summary, config } = yield* readRun(folder);
        const { metrics } = yield* readRunFiles(folder);
        assert.deepStrictEqual(
          metrics.map(({ type, update }) => `${type} ${update}`),
          ["evaluation 0", "update 1", "update 2", "evaluation 2", "update 3", "evaluation 3"],
        );
        const updates = metrics.filter(({ type }) => type === "update");
        const evaluations = metrics.filter(({ type }) => type === "evaluation");
        assert.strictEqual(new Set(updates.map((row) => row["parameters"])).size, UPDATES);
        for (const row of updates) {
          assert.isAbove(Number(row["loss"]), 0);
          assert.isAbove(Number(row["paramDeltaNorm"]), 0);
          assert.isBelow(Number(row["logProbGap"]), 1e-4);
        }

        assert.strictEqual(summary.outcome, "finished");
        assert.strictEqual(summary.updates, UPDATES);
        assert.strictEqual(summary.seed, config.seed);
        assert.strictEqual(summary.parameters, updates.at(-1)?.["parameters"]);
        const sides = [
          [summary.heldOut, "heldOut/student/"],
          [summary.teacher, "heldOut/teacher/"],
        ] as const;
        for (const [side, prefix] of sides) {
          assert.deepStrictEqual({ ...side?.before }, numbersUnder(evaluations[0], prefix));
          assert.deepStrictEqual({ ...side?.after }, numbersUnder(evaluations.at(-1), prefix));
        }
        assert.deepStrictEqual(
          summary.curve.map(({ update, interactions }) => [update, interactions]),
          evaluations.map(({ update, interactions }) => [update, interactions]),
        );
        assert.strictEqual(summary.modelCalls.reflect, total(updates, "modelCalls/reflect"));
        assert.strictEqual(summary.modelCalls.curate, total(updates, "modelCalls/curate"));
        assert.strictEqual(summary.generatedTokens.rollout, total(updates, "tokens/rollout"));
        for (const phase of [
          "load",
          "rollout",
          "reflect",
          "curate",
          "update",
          "evaluate",
          "save",
        ]) {
          assert.isAbove(summary.phases[phase] ?? 0, 0, phase);
        }
      }),
    );

    it.effect("run() writes every attempt, with the reason why it teaches or does not", () =>
      Effect.gen(function* () {
        const folder = yield* (yield* Runs).plain;
        const { summary, config } = yield* readRun(folder);
        const { metrics, rollouts } = yield* readRunFiles(folder);
        assert.strictEqual([...rollouts.values()].flat().length, summary.interactions);
        for (const row of metrics.filter(({ type }) => type === "update")) {
          const lines = rollouts.get(`step-${String(row["update"]).padStart(6, "0")}.jsonl`) ?? [];
          assert.lengthOf(lines, config.resd.batchSize);
          assert.strictEqual(
            hashName(...lines.map(({ from, ids }) => `${from}:${ids.join(",")}`)),
            row["rollouts"],
          );
          for (const reason of SignalReason.literals) {
            const count = lines.filter(({ signal }) => signal === reason).length;
            assert.strictEqual(row[`signal/${reason}`], count, reason);
          }
          const failed = lines.filter(({ success }) => !success);
          assert.closeTo(Number(row["train/success"]), 1 - failed.length / lines.length, 1e-12);
          assert.strictEqual(row["reflections"], failed.length);
          assert.isTrue(failed.every(({ reflection }) => reflection !== undefined));
          for (const { ids, from, mask, logProbs, signal, teacherPrompt } of lines) {
            assert.lengthOf(mask, ids.length - from);
            assert.lengthOf(logProbs, mask.length);
            assert.isTrue(mask.every((one, i) => one === 1 && logProbs[i]! <= 0));
            assert.strictEqual(teacherPrompt === undefined, signal === "none:no-teacher");
          }
        }
      }),
    );

    it.effect("run() writes a playbook whose history leads to it", () =>
      Effect.gen(function* () {
        const folder = yield* (yield* Runs).plain;
        const { summary, playbooks: last } = yield* readRun(folder);
        const { metrics, operations, playbooks } = yield* readRunFiles(folder);
        const entries = new Map<string, { text: string; helpful: number; harmful: number }>();
        const pending = [...operations];
        for (const { update, playbooks: views } of playbooks) {
          while (pending[0] !== undefined && pending[0].update <= update) {
            const { change } = pending.shift()!;
            if (change._tag === "Added") entries.set(change.entry.id, { ...change.entry });
            if (change._tag === "Removed") entries.delete(change.entry.id);
            if (change._tag !== "Tagged" || change.tag.sign === "neutral") continue;
            entries.get(change.tag.entry)![change.tag.sign]++;
          }
          assert.deepStrictEqual(
            views["global"]?.entries.map(({ id, helpful, harmful }) => [id, helpful, harmful]),
            [...entries].map(([id, { helpful, harmful }]) => [id, helpful, harmful]),
          );
        }
        assert.isTrue(pending.every(({ change }) => change._tag === "Advanced"));
        assert.isAbove(entries.size, 0, "the model writes no lessons that this format reads");

        const { size, added, removed, entries: told } = summary.playbook;
        assert.deepStrictEqual(told.map(Struct.omit(["key"])), [...last.get("global")!.entries]);
        assert.deepStrictEqual(
          told.map(({ id }) => id),
          [...entries.keys()],
        );
        assert.strictEqual(size, entries.size);
        assert.strictEqual(added, total(metrics, "playbook/added"));
        const gone = Object.values(removed).reduce((sum, count) => sum + count, 0);
        assert.strictEqual(added - gone, size);
      }),
    );

    it.effect("run() shows the student nothing but the task, in training and in evaluation", () =>
      Effect.gen(function* () {
        const { folder, opened, asked } = yield* (yield* Runs).watched;
        const { model } = yield* Workplace;
        const { summary } = yield* readRun(folder);
        const { rollouts } = yield* readRunFiles(folder);
        const lines = [...rollouts.values()].flat();
        const { piece } = yield* loadTokenizer(model);

        const truths = pairingsOf(conventionOf(SEED));
        const lessons = summary.playbook.entries.map(({ text }) => text);
        const leaks = (prompt: string) =>
          prompt
            .split(" ")
            .filter((word) => isMnemonic(word) || /^<(pb|try|fb|ref|sol)>$/.test(word)).length +
          [...truths, ...lessons].filter((text) => prompt.includes(text)).length;
        for (const { studentPrompt, problem, ids, from, feedback } of lines) {
          assert.strictEqual(studentPrompt, `<task> ${problem} <prog>`);
          assert.strictEqual(ids.slice(0, from).map(piece).join(" "), studentPrompt);
          assert.notInclude(studentPrompt, feedback);
          assert.strictEqual(leaks(studentPrompt), 0);
        }
        // The teacher reads what the student must not, or the check above would prove nothing.
        assert.isTrue(lines.some(({ teacherPrompt }) => leaks(teacherPrompt ?? "") > 0));

        const bare = asked.filter(({ id, as }) => as === "student" && !id.includes("/"));
        const evaluated = opened.filter((key) => key.includes("/heldOut/")).length;
        assert.strictEqual(opened.length - evaluated, summary.interactions);
        assert.strictEqual(evaluated, summary.evaluationEpisodes);
        assert.lengthOf(bare, summary.interactions + evaluated / 2);
        for (const { prompt } of bare) {
          const words = [...prompt].map(piece).join(" ");
          assert.match(words, /^<task> 10: [^<]+ <prog>$/);
          assert.strictEqual(leaks(words), 0, words);
        }
      }),
    );

    it.effect(
      "run() gives the same run for the same seed, in this process and in another",
      () =>
        Effect.gen(function* () {
          const runs = yield* Runs;
          const fs = yield* FileSystem.FileSystem;
          const { folder: elsewhere, stdout } = yield* runs.elsewhere;
          const plain = yield* runs.plain;
          const expected = yield* timelessMetrics(plain);
          const weightsOf = (folder: string) =>
            Effect.map(fs.readFile(`${runFiles(folder).model}/model.safetensors`), Buffer.from);
          const weights = yield* weightsOf(plain);
          for (const folder of [yield* runs.again, elsewhere]) {
            assert.strictEqual(yield* timelessMetrics(folder), expected);
            assert.isTrue(weights.equals(yield* weightsOf(folder)), folder);
          }
          const printed: unknown = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
          const { summary } = yield* readRun(elsewhere);
          assert.deepStrictEqual(printed, summary as unknown);

          const other = yield* runs.otherSeed;
          const { metrics } = yield* readRunFiles(other);
          assert.notStrictEqual(yield* timelessMetrics(other), expected);
          assert.isFalse(weights.equals(yield* weightsOf(other)));
          assert.isFalse(metrics.some((row) => expected.includes(String(row["rollouts"]))));
        }),
      // Three runs: seconds on quiet cores, a minute on busy ones.
      120_000,
    );

    it.effect("run() learns the same wherever its playbook lies", () =>
      Effect.gen(function* () {
        const runs = yield* Runs;
        const [plain, inFile] = [yield* runs.plain, yield* runs.inFile];
        assert.strictEqual(yield* timelessMetrics(inFile), yield* timelessMetrics(plain));
        const [first, second] = [yield* readRunFiles(plain), yield* readRunFiles(inFile)];
        assert.isAbove(first.operations.length, 0);
        assert.deepStrictEqual(second.operations, first.operations);
        assert.deepStrictEqual(second.playbooks, first.playbooks);
        assert.deepStrictEqual(second.rollouts, first.rollouts);
      }),
    );

    it.effect("run() measures the same when no task carries its gold program", () =>
      Effect.gen(function* () {
        const runs = yield* Runs;
        const stripped = yield* timelessMetrics((yield* runs.watched).folder);
        assert.strictEqual(stripped, yield* timelessMetrics(yield* runs.plain));
      }),
    );

    it.effect("run() saves a policy that loads again and scores as it did", () =>
      Effect.gen(function* () {
        const { folder, last } = yield* (yield* Runs).watched;
        const { summary, files } = yield* readRun(folder);
        const policy = yield* makeLocalPolicy({ folder: files.model });
        assert.strictEqual(yield* policy.version("student"), summary.parameters);
        const items = (last.sequences ?? []).map((one) => ({ ...one, as: "student" as const }));
        assert.isAbove(items.length, 0);
        assert.deepStrictEqual(yield* policy.score(items), last.scores);
      }).pipe(Effect.provide(onnx({}))),
    );

    it.effect("run() saves a playbook that any store restores", () =>
      Effect.gen(function* () {
        const folder = yield* (yield* Runs).plain;
        const fs = yield* FileSystem.FileSystem;
        const { summary, files } = yield* readRun(folder);
        const snapshot = yield* fs.readFile(files.playbookSnapshot);
        for (const store of [memory({}), sqlite({ file: ":memory:" })]) {
          const { entries, again } = yield* Effect.gen(function* () {
            const playbook = yield* Playbook;
            yield* playbook.restore(snapshot);
            const view = yield* playbook.view("global");
            return { entries: view.entries, again: yield* playbook.snapshot };
          }).pipe(Effect.provide(store));
          assert.deepStrictEqual(
            entries.map((entry) => ({ key: "global", ...entry })),
            [...summary.playbook.entries],
          );
          assert.deepStrictEqual(
            new TextDecoder().decode(again),
            new TextDecoder().decode(snapshot),
          );
        }
      }),
    );
  },
);
