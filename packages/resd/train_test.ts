import { EnvironmentInfraError, type RolloutRecord, type RunEvent } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Deferred, Effect, Exit, Fiber, Schema } from "effect";
import { makeWorld, smallConfig } from "./_world.ts";
import { brokenTask } from "./_world_environment.ts";
import { Summary } from "./summary.ts";
import { train } from "./train.ts";

type World = ReturnType<typeof makeWorld>;
type EventOf<Tag extends RunEvent["_tag"]> = Extract<RunEvent, { readonly _tag: Tag }>;

const eventsOf = <Tag extends RunEvent["_tag"]>(world: World, tag: Tag) =>
  world.events.filter((event): event is EventOf<Tag> => event._tag === tag);

const run = (world: World, config = smallConfig()) =>
  Effect.provide(train(config, { name: "resd" }), world.layer);

/** Only train1 is right at first; everything is after the first update. */
const learner = () =>
  makeWorld({
    answer: ({ word, updates }) => (updates > 0 || word === "train1" ? word : "no"),
  });

/** A run that is interrupted in its second update: before the policy moves, or just after. */
const interruptedIn = Effect.fnUntraced(function* (place: "onUpdate" | "onUpdated") {
  const reached = yield* Deferred.make<void>();
  const world = makeWorld({
    [place]: (updates: number) =>
      updates < 2
        ? Effect.void
        : Effect.andThen(Deferred.succeed(reached, undefined), Effect.never),
  });
  const fiber = yield* Effect.forkChild(run(world));
  yield* Deferred.await(reached);
  yield* Fiber.interrupt(fiber);
  assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)));
  const ended = world.events.at(-1);
  assert(ended?._tag === "Ended");
  assert.strictEqual(ended.outcome, "interrupted");
  return { world, ended };
});

const recordsOf = (world: World): ReadonlyArray<RolloutRecord> =>
  eventsOf(world, "RolledOut").flatMap((event) => event.records);

const withoutTimes = (events: ReadonlyArray<RunEvent>) =>
  events.map((event) =>
    "seconds" in event
      ? { ...event, seconds: 0 }
      : event._tag === "Ended"
        ? { ...event, summary: { ...event.summary, wallSeconds: 0, phases: {} } }
        : event,
  );

describe("train", () => {
  it.effect("train() acts, reflects, curates, then updates, in the order of the paper", () =>
    Effect.gen(function* () {
      const world = learner();
      yield* run(
        world,
        smallConfig({
          updates: 2,
          evaluation: { every: 9, tasks: 1, samples: 1, teacher: false },
        }),
      );
      assert.deepEqual(world.log, [
        // the untrained policy
        "open heldOut0 0/1",
        "generate 1 as student",
        "step heldOut0 no",
        "close heldOut0",
        // first inner update
        "open train0 0/1",
        "open train1 0/1",
        "generate 2 as student",
        "step train0 no",
        "step train1 train1",
        "close train0",
        "close train1",
        "reflect on train0 at 0 reading []",
        "curate train0 reading []",
        "apply Add to global",
        "advance global",
        "update reflection own-solution",
        // second inner update on the same batch: no failure, so only credit
        "open train0 0/1",
        "open train1 0/1",
        "generate 2 as student",
        "step train0 train0",
        "step train1 train1",
        "close train0",
        "close train1",
        "credit train0 train1 reading [0-0]",
        "advance global",
        "update own-solution own-solution",
        // the trained policy
        "open heldOut0 0/1",
        "generate 1 as student",
        "step heldOut0 heldOut0",
        "close heldOut0",
      ]);
    }),
  );

  it.effect("train() emits its events in order, each phase announced and ended", () =>
    Effect.gen(function* () {
      const world = learner();
      yield* run(world, smallConfig({ updates: 1 }));
      const brief = world.events.map((event) =>
        "phase" in event ? `${event._tag} ${event.phase}` : event._tag,
      );
      const phase = (name: string) => [`PhaseStarted ${name}`, `PhaseEnded ${name}`];
      assert.deepEqual(brief, [
        "Started",
        ...phase("evaluate"),
        "Evaluated",
        ...phase("grade"),
        ...phase("rollout"),
        ...phase("grade"),
        ...phase("reflect"),
        ...phase("curate"),
        "PlaybookChanged",
        "RolledOut",
        ...phase("update"),
        "Updated",
        ...phase("evaluate"),
        "Evaluated",
        "Ended",
      ]);
    }),
  );

  it.effect("train() repeats every event but for seconds, when the seed is the same", () =>
    Effect.gen(function* () {
      const [one, two] = [learner(), learner()];
      yield* run(one);
      yield* run(two);
      assert.deepEqual(withoutTimes(one.events), withoutTimes(two.events));
      assert.deepEqual(
        one.requests.map((request) => request.seed),
        two.requests.map((request) => request.seed),
      );
    }),
  );

  it.effect("train() gives every draw a seed of its own, and others under another seed", () =>
    Effect.gen(function* () {
      const [one, other] = [learner(), makeWorld({ seed: 8 })];
      yield* run(one, smallConfig({ rolloutsPerPrompt: 2 }));
      yield* run(other, smallConfig({ rolloutsPerPrompt: 2 }));
      const drawn = one.requests.filter((request) => /say train/.test(one.textOf(request.prompt)));
      assert.strictEqual(new Set(drawn.map((request) => request.seed)).size, 16);
      const before = new Set(one.requests.map((request) => request.seed));
      assert.isFalse(other.requests.some((request) => before.has(request.seed)));
    }),
  );

  it.effect("train() evaluates with the same seeds every time, whatever was trained between", () =>
    Effect.gen(function* () {
      const world = learner();
      yield* run(
        world,
        smallConfig({ evaluation: { every: 2, tasks: "all", samples: 2, teacher: true } }),
      );
      const seeds = (as: string) =>
        world.requests
          .filter(
            (request) => /say heldOut/.test(world.textOf(request.prompt)) && request.as === as,
          )
          .map((request) => request.seed);
      const first = seeds("student").slice(0, 4);
      assert.deepEqual(seeds("student"), [...first, ...first, ...first]);
      assert.deepEqual(seeds("teacher"), [...first, ...first, ...first]);
    }),
  );

  it.effect(
    "train() measures the teacher's weights with the playbook in context, the student without",
    () =>
      Effect.gen(function* () {
        const world = makeWorld({
          answer: ({ word, prompt }) => (prompt.includes("<pb>") ? word : "no"),
        });
        const summary = yield* run(
          world,
          smallConfig({
            updates: 1,
            evaluation: { every: 9, tasks: "all", samples: 2, teacher: true },
          }),
        );
        assert.strictEqual(summary.heldOut.after?.perTask, 0);
        assert.strictEqual(summary.teacher?.before?.perTask, 0);
        assert.strictEqual(summary.teacher?.after?.perTask, 1);
        const asked = world.requests.filter((request) => request.as === "teacher").at(-1)!;
        assert.strictEqual(
          world.textOf(asked.prompt),
          "<task> say heldOut1 <pb> train0 is itself train1 is itself <prog>",
        );
      }),
  );

  it.effect(
    "train() makes K inner updates on each batch in file order and drops the incomplete one",
    () =>
      Effect.gen(function* () {
        const world = makeWorld({ train: 5 });
        yield* run(world, smallConfig({ updates: 9, updatesPerBatch: 3 }));
        const tasks = eventsOf(world, "RolledOut").map((event) =>
          event.records.map((record) => record.attempt.taskKey).join(" "),
        );
        const [first, second] = ["train0 train1", "train2 train3"];
        assert.deepEqual(tasks, [first, first, first, second, second, second, first, first, first]);
      }),
  );

  it.effect("train() counts training episodes as interactions and nothing else", () =>
    Effect.gen(function* () {
      const world = learner();
      const summary = yield* run(world, smallConfig({ rolloutsPerPrompt: 2 }));
      assert.strictEqual(summary.interactions, 16);
      assert.strictEqual(summary.evaluationEpisodes, 8);
      assert.deepEqual(summary.modelCalls, { rollout: 16, reflect: 8, curate: 1, evaluate: 8 });
      assert.deepEqual(
        summary.curve.map((point) => [point.update, point.interactions]),
        [
          [0, 0],
          [4, 16],
        ],
      );
    }),
  );

  it.effect(
    "train() evaluates before, every so many updates and at the end, once where they meet",
    () =>
      Effect.gen(function* () {
        const at = (every: number) =>
          Effect.gen(function* () {
            const world = learner();
            yield* run(
              world,
              smallConfig({ evaluation: { every, tasks: "all", samples: 1, teacher: false } }),
            );
            return eventsOf(world, "Evaluated").map((event) => event.update);
          });
        assert.deepEqual(yield* at(2), [0, 2, 4]);
        assert.deepEqual(yield* at(3), [0, 3, 4]);
        assert.deepEqual(yield* at(100), [0, 4]);
      }),
  );

  it.effect("train() evaluates at counts of interactions, where stages say so", () =>
    Effect.gen(function* () {
      const world = learner();
      const evaluation = { every: 1, tasks: "all", samples: 1, teacher: false } as const;
      yield* run(world, smallConfig({ evaluation: { ...evaluation, at: [{ every: 4 }] } }));
      assert.deepEqual(
        eventsOf(world, "Evaluated").map((event) => [event.update, event.interactions]),
        [
          [0, 0],
          [2, 4],
          [4, 8],
        ],
      );
    }),
  );

  it.effect("train() ends early by its stop rule, evaluated and finished", () =>
    Effect.gen(function* () {
      const world = learner();
      const summary = yield* run(world, smallConfig({ stop: { interactions: 3 } }));
      assert.strictEqual(summary.endedBy, "stop");
      assert.strictEqual(summary.updates, 2);
      assert.strictEqual(summary.curve.at(-1)?.update, 2);
      assert.isDefined(summary.heldOut.after);
      assert.strictEqual(eventsOf(world, "Ended")[0]?.outcome, "finished");
    }),
  );

  it.effect("train() returns a summary that its schema takes and that the last event carries", () =>
    Effect.gen(function* () {
      const world = learner();
      const summary = yield* run(world);
      assert.deepEqual(Schema.decodeUnknownSync(Summary)(summary), summary);
      assert.deepEqual(eventsOf(world, "Ended")[0]?.summary, summary);
      assert.strictEqual(summary.name, "resd");
      assert.strictEqual(summary.seed, 7);
      assert.strictEqual(summary.updates, 4);
      assert.strictEqual(summary.parameters, "v4");
      assert.strictEqual(summary.heldOut.before?.perTask, 0);
      assert.strictEqual(summary.heldOut.after?.perTask, 1);
      assert.deepEqual(summary.playbook, { size: 1, added: 1, removed: {} });
      assert.isUndefined(summary.teacher);
    }),
  );

  it.effect("train() writes the metrics of each update under flat keys", () =>
    Effect.gen(function* () {
      const world = learner();
      yield* run(world);
      const [first, second] = eventsOf(world, "Updated").map((event) => event.metrics);
      assert.include(first, {
        batch: 0,
        inner: 0,
        learningRate: 2e-3 / 5,
        loss: 2 + 2e-3 / 5,
        policyVersion: "v1",
        teacherDrift: 0.1,
        "train/success": 0.5,
        "train/solved": 0.5,
        "train/truncated": 0,
        "signal/reflection": 1,
        "signal/own-solution": 1,
        "signal/none:overflow": 0,
        "parse/ok": 2,
        reflections: 1,
        "reflections/ok": 1,
        lessons: 1,
        curations: 1,
        "playbook/size": 1,
        "playbook/added": 1,
        "playbook/removed": 0,
        "tokens/rollout": 4,
        "tokens/trained": 4,
        "tokens/reflect": 3,
        "tokens/curate": 2,
        interactions: 2,
        modelCalls: 4 + 2 + 1 + 1,
        generatedTokens: 8 + 4 + 3 + 2,
        divergence: 0.5,
        "entropy/student": 1,
        "entropy/teacher": 0.5,
      });
      assert.include(second, { inner: 1, "train/success": 1, "playbook/added": 0 });
      assert.notStrictEqual(first?.["rolloutHash"], second?.["rolloutHash"]);
    }),
  );

  it.effect("train() reuses a solution of an earlier inner update, when the buffer is on", () =>
    Effect.gen(function* () {
      const forgetful = () =>
        makeWorld({ answer: ({ word, updates }) => (updates === 0 ? word : "no") });
      const [buffered, plain] = [forgetful(), forgetful()];
      yield* run(buffered, smallConfig({ updates: 2 }));
      yield* run(plain, smallConfig({ updates: 2, solutionBuffer: false }));
      const signals = (world: World) => recordsOf(world).map((record) => record.signal);
      const own = ["own-solution", "own-solution"];
      assert.deepEqual(signals(buffered), [...own, "buffered-solution", "buffered-solution"]);
      assert.deepEqual(signals(plain), [...own, "reflection", "reflection"]);
      assert.strictEqual(
        recordsOf(buffered)[2]?.teacherPrompt,
        "<task> say train0 <pb> train0 is itself train1 is itself <try> no <fb> test train0 got no <ref> because train0 <sol> train0 <prog>",
      );
    }),
  );

  it.effect("train() gives the teacher the enriched prompt and then the student's own tokens", () =>
    Effect.gen(function* () {
      const world = learner();
      yield* run(world, smallConfig({ updates: 1 }));
      for (const { student, teacher, mask, behaviour } of world.batches[0]!) {
        const suffix = student.ids.slice(student.from);
        assert.deepEqual(teacher?.ids.slice(teacher.from), suffix);
        assert.strictEqual(mask.length, suffix.length);
        assert.strictEqual(behaviour.length, suffix.length);
      }
      const [failed, solved] = recordsOf(world);
      assert.strictEqual(failed?.studentPrompt, "<task> say train0 <prog>");
      assert.strictEqual(
        failed?.teacherPrompt,
        "<task> say train0 <pb> train0 is itself <try> no <fb> test train0 got no <ref> because train0 <prog>",
      );
      assert.strictEqual(
        solved?.teacherPrompt,
        "<task> say train1 <pb> train0 is itself <try> train1 <fb> pass <sol> train1 <prog>",
      );
    }),
  );

  it.effect("train() rebalances successes and failures, when the weights are on", () =>
    Effect.gen(function* () {
      const world = makeWorld({
        answer: ({ word }) => (word === "train0" ? word : "no"),
        train: 8,
      });
      yield* run(world, smallConfig({ batchSize: 8, updates: 1, successWeights: true }));
      const weights = world.batches[0]!.map((sample) => sample.weight);
      assert.closeTo(weights[0]!, 4, 1e-12);
      weights.slice(1).forEach((weight) => assert.closeTo(weight, 4 / 7, 1e-12));
    }),
  );

  it.effect("train() masks attempts whose environment failed, and goes on with the others", () =>
    Effect.gen(function* () {
      const world = makeWorld({
        answer: () => "no",
        failing: (at, key) =>
          at === "step" && key === "train1"
            ? new EnvironmentInfraError({ message: "no sandbox", retryable: false })
            : undefined,
      });
      yield* run(world, smallConfig({ updates: 1 }));
      assert.deepEqual(
        recordsOf(world).map((record) => [record.attempt.taskKey, record.signal, record.weight]),
        [
          ["train0", "reflection", 1],
          ["train1", "none:environment-error", 0],
        ],
      );
      assert.strictEqual(world.batches[0]?.length, 1);
      assert.include(world.log, "reflect on train0 at 0 reading []");
      const [warning] = eventsOf(world, "Warned");
      assert.strictEqual(warning?.code, "none:environment-error");
      assert.strictEqual(warning?.message, "1 of 2 attempts; first train1: no sandbox");
      assert.strictEqual(
        eventsOf(world, "Updated")[0]?.metrics["signal/none:environment-error"],
        1,
      );
    }),
  );

  it.effect("train() drops a broken task after reporting it once", () =>
    Effect.gen(function* () {
      const world = makeWorld({
        failing: (at, key) => (at === "open" && key === "train1" ? brokenTask(key) : undefined),
      });
      yield* run(world, smallConfig({ updates: 2, rolloutsPerPrompt: 2 }));
      const warnings = eventsOf(world, "Warned").map((event) => event.code);
      assert.deepEqual(warnings, ["broken-task"]);
      assert.deepEqual(
        eventsOf(world, "RolledOut").map((event) => event.records.length),
        [4, 2],
      );
    }),
  );

  it.effect("train() fails instead of training on nothing, when no attempt could be graded", () =>
    Effect.gen(function* () {
      const world = makeWorld({
        failing: (at, key) =>
          at === "open" && key.startsWith("train")
            ? new EnvironmentInfraError({ message: "no server", retryable: false })
            : undefined,
      });
      const error = yield* Effect.flip(run(world));
      assert(error._tag === "ResdError");
      assert.strictEqual(error.reason, "no-attempts");
      assert.match(error.message, /got none, at update 0.*no server/);
      const ended = world.events.at(-1);
      assert(ended?._tag === "Ended");
      assert.strictEqual(ended.outcome, "failed");
      assert.match(ended.message ?? "", /no server/);
      assert.strictEqual(ended.summary["updates"], 0);
    }),
  );

  it.effect("train() ends with everything counted so far, when it is interrupted", () =>
    Effect.gen(function* () {
      const { ended } = yield* interruptedIn("onUpdate");
      const summary = Schema.decodeUnknownSync(Summary)(ended.summary);
      assert.strictEqual(summary.updates, 2);
      assert.strictEqual(summary.parameters, "v2");
      assert.isDefined(summary.heldOut.before);
      assert.isUndefined(summary.heldOut.after);
    }),
  );

  it.effect(
    "train() counts an update that has moved the policy, when it is interrupted there",
    () =>
      Effect.gen(function* () {
        const { world, ended } = yield* interruptedIn("onUpdated");
        assert.strictEqual(ended.summary["updates"], 2);
        assert.strictEqual(ended.summary["parameters"], "v2");
        assert.lengthOf(eventsOf(world, "Updated"), 1);
      }),
  );

  it.effect("train() leaves a batch early, when too few of its prompts improved", () =>
    Effect.gen(function* () {
      const world = makeWorld({ answer: () => "no" });
      yield* run(
        world,
        smallConfig({
          updates: 4,
          updatesPerBatch: 4,
          earlyStop: { minUpdates: 2, threshold: 0.5 },
        }),
      );
      assert.deepEqual(
        eventsOf(world, "Updated").map((event) => [event.metrics["batch"], event.metrics["inner"]]),
        [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ],
      );
    }),
  );

  it.effect(
    "train() shows the student a frozen playbook from the next batch on, when asked to",
    () =>
      Effect.gen(function* () {
        const world = makeWorld({ answer: () => "no" });
        yield* run(world, smallConfig({ studentPlaybook: { every: 2 } }));
        const prompts = recordsOf(world).map((record) => record.studentPrompt);
        assert.deepEqual(prompts.slice(0, 4), [
          "<task> say train0 <prog>",
          "<task> say train1 <prog>",
          "<task> say train0 <prog>",
          "<task> say train1 <prog>",
        ]);
        const frozen = "<pb> train0 is itself train1 is itself <prog>";
        assert.deepEqual(prompts.slice(4), [
          `<task> say train2 ${frozen}`,
          `<task> say train3 ${frozen}`,
          `<task> say train2 ${frozen}`,
          `<task> say train3 ${frozen}`,
        ]);
        const asked = world.log.filter((line) => line.startsWith("reflect on train2"));
        assert.match(
          recordsOf(world)[4]?.teacherPrompt ?? "",
          /^<task> say train2 <pb> .* <try> no/,
        );
        assert.isNotEmpty(asked);
      }),
  );

  it.effect("train() hands group-relative advantages to a policy gradient, without a teacher", () =>
    Effect.gen(function* () {
      const world = makeWorld({
        answer: ({ word, request }) =>
          word === "train0" && request.seed % 2 === 0 ? word : word === "train0" ? "no" : word,
      });
      yield* run(
        world,
        smallConfig({
          updates: 1,
          rolloutsPerPrompt: 8,
          reflect: false,
          playbook: "none",
          objective: {
            _tag: "PolicyGradient",
            shaping: "grpo",
            clipLow: 0.2,
            clipHigh: 0.28,
            aggregation: "token-mean",
          },
        }),
      );
      const batch = world.batches[0]!;
      assert.isTrue(batch.every((sample) => sample.signal === "reward" && !sample.teacher));
      const advantages = batch.map((sample) => sample.advantage!);
      assert.closeTo(
        advantages.slice(0, 8).reduce((a, b) => a + b, 0),
        0,
        1e-9,
      );
      assert.isTrue(advantages.slice(0, 8).some((advantage) => advantage > 0.3));
      assert.deepEqual(advantages.slice(8), Array(8).fill(0));
      assert.isFalse(world.log.some((line) => /^(reflect|curate|advance)/.test(line)));
    }),
  );

  it.effect("train() refuses a misfit before the first event", () =>
    Effect.gen(function* () {
      const world = makeWorld({ capabilities: { topK: 16 } });
      const error = yield* Effect.flip(run(world));
      assert(error._tag === "ResdError");
      assert.strictEqual(error.reason, "incompatible");
      assert.deepEqual(world.events, []);
      assert.deepEqual(world.log, []);
    }),
  );

  it.effect("train() warns once of truncated sampling and goes on", () =>
    Effect.gen(function* () {
      const world = makeWorld();
      const { sampling } = smallConfig();
      yield* run(
        world,
        smallConfig({
          updates: 1,
          sampling: { ...sampling, rollout: { ...sampling.rollout, topP: 0.95 } },
        }),
      );
      const warnings = eventsOf(world, "Warned");
      assert.deepEqual(
        warnings.map((event) => event.code),
        ["biased-sampling"],
      );
      assert.match(warnings[0]?.message ?? "", /top-p 0\.95.*policy scripted on script/);
    }),
  );
});
