/** Runs of the reference task that differ in one thing each, for the tests to compare. */
import { assert } from "@effect/vitest";
import type { HostServices, RunHost } from "@resd/run";
import { Context, Effect, Layer } from "effect";
import { asArguments, startCommand } from "./_command.ts";
import { SEED, shortFlags, trainShort } from "./_short_run.ts";
import { makeWitness, watched } from "./_witness.ts";
import { Workplace } from "./_workplace.ts";

/** Each run is made when the first test asks for it, and once; its folder is given. */
export class Runs extends Context.Service<Runs>()("@resd/tool-integration/Runs", {
  make: Effect.gen(function* () {
    const context = yield* Effect.context<Workplace | HostServices | RunHost>();
    const { folder, model } = yield* Workplace;
    const once = <A, E>(effect: Effect.Effect<A, E, Workplace | HostServices | RunHost>) =>
      Effect.cached(Effect.orDie(Effect.provideContext(effect, context)));
    const named = (name: string, seed?: number) =>
      once(
        Effect.as(
          trainShort({ name, ...(seed === undefined ? {} : { seed }) }),
          `${folder}/${name}`,
        ),
      );
    const witness = makeWitness();
    return {
      plain: yield* named("plain"),
      again: yield* named("again"),
      /** The same with its playbook in a file. */
      inFile: yield* once(
        Effect.as(
          trainShort({
            name: "in-file",
            flags: {
              "playbook.use": "sqlite",
              "playbook.options.file": `${folder}/in-file.sqlite`,
            },
          }),
          `${folder}/in-file`,
        ),
      ),
      otherSeed: yield* named("other-seed", SEED + 1),
      /** The same without gold programs, and watched. */
      watched: yield* once(
        Effect.as(trainShort({ name: "watched", layers: watched(model, witness) }), {
          folder: `${folder}/watched`,
          ...witness,
        }),
      ),
      /** The same from the command line. */
      elsewhere: yield* once(
        Effect.gen(function* () {
          const flags = yield* shortFlags({ name: "elsewhere" });
          const command = yield* startCommand(["train", "--json", ...asArguments(flags)]);
          const { code, stdout, stderr } = yield* command.ended;
          assert.strictEqual(code, 0, stderr);
          return { folder: `${folder}/elsewhere`, stdout };
        }).pipe(Effect.scoped),
      ),
    };
  }),
}) {
  static readonly layer = Layer.effect(this, this.make);
}
