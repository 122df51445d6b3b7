import { type RolloutRecord, isSuccess } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import { learningConfig, makeLearningWorld } from "./_learning_world.ts";
import { ResdConfig } from "./config.ts";
import { type PresetName, presets } from "./presets.ts";
import { train } from "./train.ts";
import { type VariantName, variantNames, variants } from "./variants.ts";

/** A run of a variant in the world that is really learned. */
const learn = (name: VariantName, changes: Partial<ResdConfig> = {}) => {
  const world = makeLearningWorld();
  const config: ResdConfig = { ...variants[name].of(learningConfig), ...changes };
  return Effect.map(Effect.provide(train(config, { name }), world.layer), (summary) => ({
    summary,
    updates: world.events.flatMap((event) => (event._tag === "Updated" ? [event] : [])),
    records: world.events.flatMap((event): ReadonlyArray<RolloutRecord> =>
      event._tag === "RolledOut" ? event.records : [],
    ),
  }));
};

const short = { updates: 3 };
const solvedOf = ({ attempt }: RolloutRecord): boolean => isSuccess(attempt.results.at(-1)!);
/** Controls of a teacher's prompt, without those of every prompt. */
const sectionsOf = ({ teacherPrompt }: RolloutRecord): string =>
  [...(teacherPrompt ?? "").matchAll(/<(\w+)>/g)]
    .map(([, name]) => name)
    .filter((name) => name !== "task" && name !== "prog")
    .join(" ");
const kinds = (records: ReadonlyArray<RolloutRecord>, of: (record: RolloutRecord) => string) =>
  [...new Set(records.map(of))].toSorted();

describe("variants", () => {
  it.effect.each(variantNames)("%s learns what its signal can teach", (name) =>
    Effect.gen(function* () {
      const { summary } = yield* learn(name);
      const [before, after] = [summary.heldOut.before, summary.heldOut.after];
      assert.isAtMost(before?.perTask ?? 1, 0.5);
      assert.isAtLeast(after?.perTask ?? 0, (before?.perTask ?? 1) + 0.2);
    }),
  );

  it("of() gives what the schema takes, for every variant of every preset", () => {
    for (const preset of Object.keys(presets) as Array<PresetName>) {
      for (const name of variantNames) {
        const config = variants[name].of(presets[preset]);
        const decoded = Schema.decodeUnknownSync(ResdConfig, { onExcessProperty: "error" })(
          structuredClone(config),
        );
        assert.deepEqual(decoded, config);
      }
    }
  });

  it("resd is the preset as it is", () => {
    assert.strictEqual(variants.resd.of(presets.kestrel), presets.kestrel);
  });

  it("no variant without a playbook keeps a copy of it for the student", () => {
    const base = { ...presets.kestrel, studentPlaybook: { every: 4 } };
    for (const name of variantNames) {
      const config: ResdConfig = variants[name].of(base);
      if (config.playbook === "none") assert.notProperty(config, "studentPlaybook");
    }
  });

  it("of() takes eight rollouts where advantages compare them, or more if the preset does", () => {
    for (const name of ["grpo", "srpo", "rlsd", "mixture"] as const) {
      assert.strictEqual(variants[name].of(presets.kestrel).rolloutsPerPrompt, 8);
      const many = { ...presets.kestrel, rolloutsPerPrompt: 16 };
      assert.strictEqual(variants[name].of(many).rolloutsPerPrompt, 16);
    }
    assert.strictEqual(variants.sdpo.of(presets.kestrel).rolloutsPerPrompt, 1);
  });

  it.effect(
    "sdpo shows a sibling's solution, or the feedback where there is none, to failures only",
    () =>
      Effect.gen(function* () {
        const { records } = yield* learn("sdpo", short);
        const failed = records.filter((record) => !solvedOf(record));
        assert.deepEqual(kinds(failed, sectionsOf), ["fb", "sol"]);
        assert.deepEqual(
          kinds(failed, ({ signal }) => signal),
          ["feedback", "peer-solution"],
        );
        const solved = records.filter(solvedOf);
        assert.deepEqual(
          kinds(solved, ({ signal }) => signal),
          ["none:no-teacher"],
        );
        assert.isTrue(records.every(({ reflection }) => reflection === undefined));
      }),
  );

  it.effect("sdpo-ss shows a solved attempt its own answer", () =>
    Effect.gen(function* () {
      const { records } = yield* learn("sdpo-ss", short);
      assert.deepEqual(
        kinds(records.filter(solvedOf), ({ signal }) => signal),
        ["own-solution"],
      );
    }),
  );

  it.effect("sdpo-ref shows playbook, feedback and reflection, and never a solution", () =>
    Effect.gen(function* () {
      const { records } = yield* learn("sdpo-ref", short);
      const failed = records.filter((record) => !solvedOf(record));
      assert.deepEqual(kinds(failed, sectionsOf), ["pb fb ref"]);
      assert.deepEqual(
        kinds(failed, ({ signal }) => signal),
        ["reflection"],
      );
      const solved = records.filter(solvedOf);
      assert.deepEqual(
        kinds(solved, ({ signal }) => signal),
        ["none:no-teacher"],
      );
    }),
  );

  it.effect("grpo asks for no words and shows nothing to anybody", () =>
    Effect.gen(function* () {
      const { records, summary } = yield* learn("grpo", short);
      assert.deepEqual(
        kinds(records, ({ signal }) => signal),
        ["reward"],
      );
      assert.isTrue(records.every(({ teacherPrompt }) => teacherPrompt === undefined));
      assert.strictEqual(summary.modelCalls.reflect + summary.modelCalls.curate, 0);
    }),
  );

  it.effect("srpo sends solved attempts to the reward and failures to the teacher", () =>
    Effect.gen(function* () {
      const { records } = yield* learn("srpo", { ...short, rolloutsPerPrompt: 2 });
      assert.deepEqual(
        kinds(records.filter(solvedOf), ({ signal }) => signal),
        ["reward"],
      );
      const failed = records.filter((record) => !solvedOf(record));
      assert.deepEqual(
        kinds(failed, ({ signal }) => signal),
        ["feedback", "peer-solution"],
      );
    }),
  );

  it.effect("rlsd shows every attempt to the teacher and rewards all of them", () =>
    Effect.gen(function* () {
      const { records } = yield* learn("rlsd", short);
      assert.deepEqual(
        kinds(records, ({ signal }) => signal),
        ["reward"],
      );
      assert.isTrue(records.every((record) => record.teacherPrompt !== undefined));
    }),
  );

  it.effect("opsd shows the task's gold solution and nothing else, whatever was found", () =>
    Effect.gen(function* () {
      const { records } = yield* learn("opsd", short);
      assert.deepEqual(
        kinds(records, ({ signal }) => signal),
        ["gold-solution"],
      );
      assert.deepEqual(kinds(records, sectionsOf), ["sol"]);
      const [first] = records;
      assert.match(first?.teacherPrompt ?? "", /<sol> a2/);
    }),
  );

  it.effect(
    "opsd is refused by an environment without gold solutions, before the first event",
    () =>
      Effect.gen(function* () {
        const world = makeLearningWorld({ gold: false });
        const error = yield* Effect.flip(
          Effect.provide(train(variants.opsd.of(learningConfig), { name: "opsd" }), world.layer),
        );
        assert(error._tag === "ResdError");
        assert.strictEqual(error.reason, "incompatible");
        assert.match(error.message, /goldSolution.*environment questions has none/);
        assert.deepEqual(world.events, []);
      }),
  );

  it.effect(
    "sft learns solved attempts, and the cached solution of tasks that nobody solved now",
    () =>
      Effect.gen(function* () {
        const { records } = yield* learn("sft", { updates: 6, rolloutsPerPrompt: 1 });
        assert.deepEqual(
          kinds(records.filter(solvedOf), ({ signal }) => signal),
          ["own-solution"],
        );
        const failed = records.filter((record) => !solvedOf(record));
        assert.includeMembers(
          ["buffered-solution", "none:no-solution"],
          kinds(failed, ({ signal }) => signal),
        );
        assert.isTrue(records.every(({ teacherPrompt }) => teacherPrompt === undefined));
      }),
  );

  it.effect("mixture follows the teacher where there is a lesson, and the reward everywhere", () =>
    Effect.gen(function* () {
      const { records, updates } = yield* learn("mixture", short);
      assert.isFalse(records.some(({ signal }) => signal.startsWith("none:")));
      assert.isAbove(updates[0]!.report.samples.length, 0);
      assert.isTrue(updates[0]!.report.samples.every(({ tokens }) => tokens > 0));
    }),
  );

  it.effect("the ablations of resd leave out what they are named after", () =>
    Effect.gen(function* () {
      const failedWith = (name: VariantName) =>
        Effect.map(learn(name, { updates: 6, rolloutsPerPrompt: 1 }), ({ records, summary }) => ({
          summary,
          sections: kinds(
            records.filter((record) => !solvedOf(record)),
            sectionsOf,
          ),
          signals: kinds(records, ({ signal }) => signal),
        }));
      const all = yield* failedWith("resd");
      assert.include(all.sections, "pb fb ref sol");
      const unreflected = yield* failedWith("no-reflection");
      assert.isFalse(unreflected.sections.some((sections) => sections.includes("ref")));
      assert.isAbove(unreflected.summary.playbook.added, 0);
      const unwritten = yield* failedWith("no-playbook");
      assert.isFalse(unwritten.sections.some((sections) => sections.includes("pb")));
      assert.include(unwritten.signals, "reflection");
      assert.strictEqual(unwritten.summary.modelCalls.curate, 0);
      const forgetful = yield* failedWith("no-solution-buffer");
      assert.notInclude(forgetful.signals, "buffered-solution");
      assert.include(forgetful.signals, "own-solution");
    }),
  );

  it.effect("resd-then-grpo switches when fresh attempts succeed, and counts every episode", () =>
    Effect.gen(function* () {
      const { summary, updates } = yield* learn("resd-then-grpo");
      const [first, second, ...others] = summary.schedule ?? [];
      assert.deepEqual(first, { phase: "first", update: 0, interactions: 0 });
      assert.strictEqual(second?.phase, "grpo");
      assert.lengthOf(others, 0);
      const at = second!.update;
      // Three prompts, four rollouts each before the switch and eight after it.
      assert.strictEqual(second!.interactions, at * 12);
      assert.strictEqual(summary.interactions, at * 12 + (summary.updates - at) * 24);
      updates.forEach(({ metrics }, update) => {
        assert.strictEqual(metrics["phase"], update < at ? "first" : "grpo");
        if (update >= at) assert.strictEqual(metrics["modelCalls/reflect"], 0);
      });
      // What it switched on: the first inner updates of the last two batches before it.
      const fresh = updates.slice(0, at).filter(({ metrics }) => metrics["inner"] === 0);
      const mean = fresh
        .slice(-2)
        .reduce((sum, { metrics }) => sum + Number(metrics["train/success"]) / 2, 0);
      assert.isAtLeast(mean, 0.5);
    }),
  );
});
