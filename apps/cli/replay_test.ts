/** Attempts of a run in this process, made again. */
import { assert, describe, it } from "@effect/vitest";
import type { Policy } from "@resd/core";
import { trainingTask } from "@resd/resd";
import {
  type RecordedEpisode,
  type ReplayOptions,
  chooseWeights,
  composeMeasuring,
  readEpisode,
  readEpisodes,
  replayEpisode,
} from "@resd/run";
import { Effect, FileSystem, type Layer, Option } from "effect";
import {
  prepareIn,
  runServices,
  policyThatSays,
  scriptedPolicy,
  scriptedRun,
} from "./_scripted_run.ts";
import { recordedParts } from "./recorded_parts.ts";

const AS_RECORDED: ReplayOptions = { prompt: "recorded", samples: 2, greedy: false };

/** A token of the script is a letter. */
const LONG_ANSWERS = { path: "resd.sampling.rollout.maxTokens", text: "200" };

const conducted = Effect.gen(function* () {
  const scripted = scriptedPolicy(); // its vocabulary grows with what it reads
  const { files, conduct } = yield* prepareIn(scriptedRun(scripted));
  yield* conduct;
  const chosen = yield* chooseWeights(files.folder, "initial");
  const asked = { verb: "replay", values: {}, file: Option.none(), overrides: [LONG_ANSWERS] };
  const parts = yield* recordedParts(files.folder, chosen.config, asked);
  const replay = (
    episode: RecordedEpisode,
    options: ReplayOptions = AS_RECORDED,
    policy: Layer.Layer<Policy> = scripted,
  ) =>
    replayEpisode(chosen, episode, parts.config, options).pipe(
      Effect.provide(composeMeasuring({ ...parts, layers: { policy } })),
    );
  const goldOf = (episode: RecordedEpisode) =>
    Effect.map(trainingTask(parts.config.resd, episode.taskKey), ({ gold }) => gold!.content).pipe(
      Effect.provide(composeMeasuring({ ...parts, layers: { policy: scripted } })),
    );
  return { folder: files.folder, replay, goldOf };
});

describe("replayEpisode", () => {
  it.live("replayEpisode() gives the recorded answer again from the recorded prompt", () =>
    Effect.gen(function* () {
      const { folder, replay } = yield* conducted;
      for (const { id } of yield* readEpisodes(folder, { update: 3 })) {
        const episode = yield* readEpisode(folder, id);
        const { recorded, attempts, prompt, solved } = yield* replay(episode);
        assert.lengthOf(attempts, 2);
        assert.deepStrictEqual(
          attempts.map(({ draws, same }) => [draws, same]),
          [
            ["recorded", true],
            ["new", true], // the script draws nothing
          ],
        );
        assert.strictEqual(prompt.text, episode.studentPrompt);
        assert.strictEqual(prompt.tokens, episode.from);
        assert.strictEqual(attempts[0]!.feedback, recorded.feedback);
        assert.strictEqual(solved, 2 * Number(recorded.success));
      }
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("replayEpisode() puts together again what every teacher read, to the letter", () =>
    Effect.gen(function* () {
      const { folder, replay } = yield* conducted;
      const all = yield* readEpisodes(folder);
      const taught = yield* Effect.filter(
        yield* Effect.forEach(all, ({ id }) => readEpisode(folder, id)),
        ({ teacherPrompt }) => Effect.succeed(teacherPrompt !== undefined),
      );
      assert.isAtLeast(taught.length, 4);
      for (const episode of taught) {
        const { prompt } = yield* replay(episode, { ...AS_RECORDED, prompt: "teacher" });
        assert.strictEqual(prompt.text, episode.teacherPrompt);
      }
      const [first] = taught;
      const changed = { ...first!, teacherPrompt: `${first!.teacherPrompt} and more` };
      const error = yield* Effect.flip(replay(changed, { ...AS_RECORDED, prompt: "teacher" }));
      assert.match(error.message, /got another text than the recorded one/);
      const { teacherPrompt: _, ...untaught } = first!;
      const none = yield* Effect.flip(replay(untaught, { ...AS_RECORDED, prompt: "teacher" }));
      assert.match(none.message, /without a teacher's prompt \(signal reflection\)/);
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("replayEpisode() shows the playbook of then or of now, or none", () =>
    Effect.gen(function* () {
      const { folder, replay } = yield* conducted;
      const [last] = (yield* readEpisodes(folder, { update: 6 })).slice(-1);
      const episode = yield* readEpisode(folder, last!.id);
      const text = (prompt: ReplayOptions["prompt"]) =>
        Effect.map(replay(episode, { ...AS_RECORDED, prompt }), (again) => again.prompt.text);
      assert.include(yield* text("playbook"), "double is PEF");
      assert.strictEqual(yield* text("playbook-then"), yield* text("playbook"));
      assert.strictEqual(yield* text("task"), episode.studentPrompt);
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("replayEpisode() finds a task solved that was not, by a policy that knows better", () =>
    Effect.gen(function* () {
      const { folder, replay, goldOf } = yield* conducted;
      const [failed] = yield* readEpisodes(folder, { success: false });
      const episode = yield* readEpisode(folder, failed!.id);
      const fs = yield* FileSystem.FileSystem;
      const before = yield* fs.readDirectory(folder, { recursive: true });
      const gold = yield* goldOf(episode);
      const again = yield* replay(
        episode,
        { ...AS_RECORDED, prompt: "task", seed: 7 },
        policyThatSays(gold),
      );
      assert.isFalse(again.recorded.success);
      assert.strictEqual(again.solved, 2);
      assert.deepStrictEqual(
        again.attempts.map(({ draws, same, reward }) => [draws, same, reward]),
        [
          ["new", false, 1],
          ["new", false, 1],
        ],
      );
      assert.deepStrictEqual(yield* fs.readDirectory(folder, { recursive: true }), before);
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );

  it.live("replayEpisode() refuses an environment that shows another task", () =>
    Effect.gen(function* () {
      const { folder, replay } = yield* conducted;
      const [first] = yield* readEpisodes(folder);
      const episode = yield* readEpisode(folder, first!.id);
      const other = { ...episode, initial: [{ role: "user" as const, content: "10: other" }] };
      const shown = yield* Effect.flip(replay(other));
      assert.match(shown.message, /Expected the environment to show the task as it did/);
      const gone = yield* Effect.flip(replay({ ...episode, taskKey: "kestrel/none" }));
      assert.match(gone.message, /Expected the task kestrel\/none, got none of this key among/);
    }).pipe(Effect.scoped, Effect.provide(runServices)),
  );
});
