import { assert, layer } from "@effect/vitest";
import { Reflector, type RunEvent, Tracker, noModelUse } from "@resd/core";
import { type RunLayers, runFiles } from "@resd/run";
import { scriptedPolicy } from "@resd/testing";
import { Cause, Effect, Exit, FileSystem, Layer } from "effect";
import { trainShort } from "./_short_run.ts";
import { Workplace, place } from "./_workplace.ts";

/** A reflector that insists on prose. */
const prose = Layer.succeed(Reflector, {
  freeText: true,
  reflect: (failures) =>
    Effect.succeed({
      reflections: failures.map(() => ({ text: "Be careful.", tags: [], parse: "ok" as const })),
      use: noModelUse,
    }),
  credit: (successes) => Effect.succeed({ tags: successes.map(() => []), use: noModelUse }),
});

/** A policy that compares sampled tokens and nothing else. */
const sampledOnly = scriptedPolicy({
  replies: () => "10: square ROK",
  info: { model: "narrow" },
  capabilities: { objectives: ["sampled-kl"] },
});

interface Misfit {
  readonly name: string;
  readonly flags?: Readonly<Record<string, string>>;
  readonly layers?: RunLayers;
  /** Both sides of it, and what to do. */
  readonly says: ReadonlyArray<RegExp>;
}

/** Seen before anything is written or loaded. */
const faults: ReadonlyArray<Misfit> = [
  {
    name: "an unknown preset",
    flags: { preset: "kestral" },
    says: [/name of a preset, got kestral/, /--preset/, /did you mean kestrel\?/],
  },
  {
    name: "an unknown key",
    flags: { "resd.evaluation.sample": "3" },
    says: [/got resd\.evaluation\.sample/, /did you mean resd\.evaluation\.samples\?/],
  },
  {
    name: "an unknown plugin",
    flags: { "environment.use": "kestral" },
    says: [/seam env, got kestral/, /@resd\/env-kestral/, /did you mean kestrel\?/],
  },
  {
    name: "an unknown option of a plugin",
    flags: { "environment.options.levle": "classic" },
    says: [
      /got environment\.options\.levle, at --environment\.options\.levle/,
      /did you mean environment\.options\.level\?/,
    ],
  },
  {
    name: "a value that a plugin refuses",
    flags: { "environment.options.level": "clasic" },
    says: [/"classic"/, /got "clasic", at environment\.options\.level/],
  },
  {
    name: "an option that a plugin misses",
    flags: { "playbook.use": "sqlite" },
    says: [/got none, at playbook\.options\.file; give one/],
  },
];

/** Seen when the parts are put together. */
const misfits: ReadonlyArray<Misfit> = [
  {
    name: "a model folder that is not there",
    flags: { model: "./models/nowhere" },
    says: [/config\.json, got no such file, at \.\/models\/nowhere/, /give the folder/],
  },
  {
    name: "a reflector of prose with a format without free text",
    layers: { reflector: prose },
    says: [/reflector writes prose/, /format compact has no free text/, /choose/],
  },
  {
    name: "an objective that the policy cannot give",
    layers: { policy: sampledOnly },
    says: [/Objective Distill needs the objective bucket-kl/, /policy narrow/, /sampled-kl/],
  },
  {
    name: "a measured teacher that has no weights of its own",
    flags: { "resd.objective.teacher": '{"_tag":"trust-region","rate":0.1}' },
    says: [/teacher/, /trust-region/, /set evaluation\.teacher to false/],
  },
  {
    name: "a split that the environment does not have",
    flags: { "resd.splits.evaluate": "test" },
    says: [/splits\.evaluate asks for test/, /kestrel has train, heldOut/],
  },
];

/** Tries to run it; gives the message of the failure and the events until then. */
const refused = Effect.fnUntraced(function* ({ name, flags, layers }: Misfit) {
  const events: Array<RunEvent["_tag"]> = [];
  const tracker = Layer.succeed(Tracker, {
    event: (event) => Effect.sync(() => void events.push(event._tag)),
  });
  const exit = yield* Effect.exit(
    trainShort({
      name: name.replaceAll(" ", "-"),
      layers: { ...layers, tracker },
      ...(flags === undefined ? {} : { flags }),
    }),
  );
  assert(Exit.isFailure(exit), name);
  const error = Cause.squash(exit.cause);
  assert(error instanceof Error);
  return { message: error.message, events };
});

layer(place, { excludeTestServices: true, timeout: 120_000 })("a run that cannot work", (it) => {
  for (const fault of faults) {
    it.effect(`run() refuses ${fault.name}, and leaves no folder`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const { folder } = yield* Workplace;
        const { message, events } = yield* refused(fault);
        for (const side of fault.says) assert.match(message, side);
        assert.isEmpty(events);
        assert.isFalse(yield* fs.exists(`${folder}/${fault.name.replaceAll(" ", "-")}`));
      }),
    );
  }

  for (const misfit of misfits) {
    it.effect(
      `run() refuses ${misfit.name} before the first attempt, and says so in its summary`,
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem;
          const { folder } = yield* Workplace;
          const { message, events } = yield* refused(misfit);
          for (const side of misfit.says) assert.match(message, side);
          assert.notIncludeMembers(events, ["Evaluated", "RolledOut", "Updated"]);
          const files = runFiles(`${folder}/${misfit.name.replaceAll(" ", "-")}`);
          assert.strictEqual(yield* fs.readFileString(files.metrics), "");
          const summary: unknown = JSON.parse(yield* fs.readFileString(files.summary));
          assert.deepInclude(summary, { outcome: "failed", updates: 0, interactions: 0, message });
        }),
    );
  }
});
