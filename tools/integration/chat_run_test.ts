import { assert, layer } from "@effect/vitest";
import { Playbook } from "@resd/core";
import { layer as sqlite } from "@resd/playbook-sqlite";
import { chatFormat } from "@resd/resd";
import { readRun } from "@resd/run";
import { writeChatModel } from "@resd/testing";
import { loadTokenizer } from "@resd/tokenizers";
import { Effect, FileSystem, Result } from "effect";
import { type RolloutLine, readRunFiles } from "./_run_files.ts";
import { trainShort } from "./_short_run.ts";
import { oneTurn, twoTurns } from "./_vowels.ts";
import { Workplace, place } from "./_workplace.ts";

const UPDATES = 2;
const LESSON = "Speak in whole words.";

/** One pass over two tasks, and replies far shorter than any that make sense. */
const BRIEF = {
  preset: "paper/base",
  "playbook.use": "sqlite",
  "resd.updates": String(UPDATES),
  "resd.updatesPerBatch": String(UPDATES),
  "resd.batchSize": "2",
  "resd.rolloutsPerPrompt": "2",
  "resd.sampling.rollout.maxTokens": "6",
  "resd.sampling.evaluate.maxTokens": "6",
  "resd.sampling.reflect.maxTokens": "16",
  "resd.evaluation.samples": "1",
  "resd.lr": "0.001",
};

/** Trains a model that has never learned anything, beside a playbook that a person has begun. */
const trainChat = Effect.fnUntraced(function* (
  name: string,
  environment: typeof oneTurn | typeof twoTurns,
) {
  const { folder } = yield* Workplace;
  const model = `${folder}/${name}-model`;
  const file = `${folder}/${name}.sqlite`;
  yield* writeChatModel(model, { seed: 3, config: { max_position_embeddings: 3072 } });
  yield* Effect.gen(function* () {
    const add = { _tag: "Add", section: "others", text: LESSON } as const;
    yield* (yield* Playbook).apply("global", [add], { update: 0, by: "person" });
  }).pipe(Effect.provide(sqlite({ file })));
  const summary = yield* trainShort({
    name,
    flags: { ...BRIEF, model, "playbook.options.file": file },
    layers: { environment: environment.layer({}) },
  });
  const tokenizer = yield* loadTokenizer(model);
  const format = chatFormat((messages, options) =>
    Result.getOrThrow(tokenizer.renderChat(messages, options)),
  );
  const run = { ...(yield* readRunFiles(summary.folder)), ...(yield* readRun(summary.folder)) };
  return { ...run, file, tokenizer, format, lines: [...run.rollouts.values()].flat() };
});
type ChatRun = Effect.Success<ReturnType<typeof trainChat>>;

/** What must hold of every run, whatever the task. */
const checkRun = Effect.fnUntraced(function* ({
  summary,
  playbooks,
  files,
  metrics,
  lines,
  file,
}: ChatRun) {
  const fs = yield* FileSystem.FileSystem;
  assert.strictEqual(summary.outcome, "finished");
  assert.strictEqual(summary.updates, UPDATES);
  assert.lengthOf(lines, summary.interactions);
  const updates = metrics.filter(({ type }) => type === "update");
  for (const row of updates) {
    assert.isTrue(Number.isFinite(row["loss"]));
    assert.isAbove(Number(row["gradNorm"]), 0);
    assert.isBelow(Number(row["logProbGap"]), 1e-4);
  }
  assert.strictEqual(new Set(updates.map((row) => row["parameters"])).size, UPDATES);

  const failed = lines.filter(({ success }) => !success);
  assert.isNotEmpty(failed);
  for (const { reflection } of failed) {
    assert.include(["malformed", "empty", "truncated", "repaired", "ok"], reflection?.parse);
  }
  const reflections = updates.reduce((sum, row) => sum + Number(row["reflections"]), 0);
  assert.strictEqual(reflections, failed.length);
  assert.isTrue(lines.every(({ curated, success }) => curated === undefined || !success));
  assert.isTrue(failed.some(({ curated }) => curated !== undefined));

  for (const { studentPrompt, teacherPrompt, signal, feedback } of lines) {
    assert.notInclude(studentPrompt, LESSON);
    assert.strictEqual(teacherPrompt === undefined, signal === "none:no-teacher");
    assert.include(teacherPrompt ?? LESSON, LESSON);
    if (feedback !== "") assert.notInclude(studentPrompt, feedback);
  }

  const store = yield* Effect.gen(function* () {
    const playbook = yield* Playbook;
    const view = yield* playbook.view("global");
    return { view, snapshot: yield* playbook.snapshot };
  }).pipe(Effect.provide(sqlite({ file })));
  assert.strictEqual(store.view.updateCount, UPDATES);
  assert.deepStrictEqual(store.view.entries, playbooks.get("global")?.entries);
  assert.deepStrictEqual(store.snapshot, yield* fs.readFile(files.playbookSnapshot));
});

/** The ids of an attempt, taken apart by its mask: what was sampled, what was put between, what was sampled then. */
const turnsOf = ({ ids, from, mask }: RolloutLine): ReadonlyArray<ReadonlyArray<number>> => {
  const runs: Array<Array<number>> = [];
  mask.forEach((one, i) => {
    if (i === 0 || one !== mask[i - 1]) runs.push([]);
    runs.at(-1)!.push(ids[from + i]!);
  });
  return runs;
};

layer(place, { excludeTestServices: true, timeout: 120_000 })("a run in the format chat", (it) => {
  it.effect(
    "run() trains a chat model on single answers",
    () =>
      Effect.gen(function* () {
        const run = yield* trainChat("one-turn", oneTurn);
        yield* checkRun(run);
        const wording = yield* (yield* FileSystem.FileSystem).readFileString(run.files.prompts);
        assert.strictEqual(wording, run.format.wording?.text);
        for (const line of run.lines) {
          const { ids, from, initial, actions, mask } = line;
          const prompt = yield* Effect.fromResult(
            run.tokenizer.encode(run.format.student(initial)),
          );
          assert.deepStrictEqual(ids.slice(0, from), [...prompt]);
          assert.isTrue(mask.every((one) => one === 1));
          const said = run.tokenizer.decode(ids.slice(from));
          assert.deepStrictEqual(actions, [run.format.parseAction(said, actions[0]!.stop)]);
        }
      }),
    120_000,
  );

  it.effect(
    "run() trains a chat model on two turns, and only on its own words",
    () =>
      Effect.gen(function* () {
        const run = yield* trainChat("two-turns", twoTurns);
        yield* checkRun(run);
        const { format, tokenizer, lines } = run;
        for (const line of lines) {
          const { ids, from, initial, actions, results, mask, logProbs, update } = line;
          assert.lengthOf(actions, 2);
          const prompt = yield* Effect.fromResult(tokenizer.encode(format.student(initial)));
          const between = yield* Effect.fromResult(
            tokenizer.encode(format.continuation(initial, results[0]!.observation)),
          );
          const [first = [], told = [], second = [], ...more] = turnsOf(line);
          assert.isEmpty(more, `update ${update}`);
          // The end of the turn is not said twice where the policy has said it.
          const ended = actions[0]!.stop === "eos";
          assert.deepStrictEqual(told, [...between].slice(ended ? 1 : 0));
          assert.deepStrictEqual(ids, [...prompt, ...first, ...told, ...second]);
          assert.strictEqual(from, prompt.length);
          [first, second].forEach((said, turn) =>
            assert.deepStrictEqual(
              actions[turn],
              format.parseAction(tokenizer.decode(said), actions[turn]!.stop),
            ),
          );
          assert.isTrue(
            logProbs.every((logProb, i) => (mask[i] === 0 ? logProb === 0 : logProb < 0)),
          );
        }
        for (const row of run.metrics.filter(({ type }) => type === "update")) {
          const taught = lines.filter(
            ({ update, signal }) => update === row["update"] && !signal.startsWith("none:"),
          );
          const sampled = taught.flatMap(({ mask }) => mask).filter((one) => one === 1);
          assert.strictEqual(row["tokens/trained"], sampled.length);
        }
      }),
    120_000,
  );
});
