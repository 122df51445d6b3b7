import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer, Result, Schema } from "effect";
import { makeTestHost, folderWith } from "./_host.ts";
import { loadPlugins } from "./load_plugins.ts";
import { resolveConfig } from "./resolve_config.ts";

const environment = (needs: ReadonlyArray<string>) => ({
  layer: () => Layer.empty,
  Options: Schema.Struct({}),
  manifest: {
    apiVersion: "resd/1",
    id: "maze",
    turns: "single",
    reward: { min: 0, max: 1 },
    determinism: "pure",
    splits: { train: { size: 1, license: "CC0-1.0" } },
    feedback: { tests: false, leakage: "none", maxChars: 100 },
    needs,
    gold: false,
  },
});
const sandbox = { layer: () => Layer.empty, Options: Schema.Struct({ pages: Schema.Int }) };

const packageJson = (seam: string, id: string): string =>
  JSON.stringify({
    name: `@resd/${seam}-${id}`,
    resd: { apiVersion: "resd/1", seam, id, entry: "./mod.ts" },
  });

/** Loads an environment with such needs under such flags, where a sandbox could be had. */
const load = (needs: ReadonlyArray<string>, flags: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function* () {
    const folder = yield* folderWith({
      "env/package.json": packageJson("env", "maze"),
      "sandbox/package.json": packageJson("sandbox", "quickjs"),
    });
    const host = makeTestHost({
      packages: {
        "@resd/env-maze": `${folder}/env/package.json`,
        "@resd/sandbox-quickjs": `${folder}/sandbox/package.json`,
      },
      modules: { "env/mod.ts": environment(needs), "sandbox/mod.ts": sandbox },
    });
    const resolved = yield* resolveConfig(
      [],
      Object.entries({ "environment.use": "maze", ...flags }).map(([path, text]) => ({
        path,
        text,
      })),
    );
    const loaded = yield* Effect.result(
      Effect.provide(loadPlugins(resolved, {}, ["environment"]), host.layer),
    );
    return { loaded, imported: host.imported.map((path) => path.slice(folder.length + 1)) };
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer));

const refusal = (...call: Parameters<typeof load>) =>
  Effect.map(load(...call), ({ loaded }) =>
    Result.isFailure(loaded) ? loaded.failure.message : "nothing refused",
  );

/** The options that a reflector is made with under such flags. */
const reflectorOptions = Effect.fnUntraced(function* (flags: Readonly<Record<string, string>>) {
  const folder = yield* folderWith({
    "reflector/package.json": packageJson("reflector", "self"),
  });
  const host = makeTestHost({
    packages: { "@resd/reflector-self": `${folder}/reflector/package.json` },
    modules: {
      "reflector/mod.ts": {
        layer: () => Layer.empty,
        Options: Schema.Struct({ maxTokens: Schema.optionalKey(Schema.Int) }),
      },
    },
  });
  const resolved = yield* resolveConfig(
    [],
    Object.entries(flags).map(([path, text]) => ({ path, text })),
  );
  const loaded = yield* Effect.provide(loadPlugins(resolved, {}, ["reflector"]), host.layer);
  return loaded.get("reflector")?.options;
}, Effect.scoped);

describe("loadPlugins()", () => {
  it.effect("hands a reflector the run's sampling, unless nothing is reflected upon", () =>
    Effect.gen(function* () {
      const sampling = { "resd.sampling.reflect.maxTokens": "77" };
      assert.deepStrictEqual(yield* reflectorOptions(sampling), { maxTokens: 77 });
      assert.deepStrictEqual(yield* reflectorOptions({ "resd.reflect": "false" }), {});
    }).pipe(Effect.provide(NodeServices.layer)),
  );

  it.effect("loads a sandbox for an environment that needs one, and for no other", () =>
    Effect.gen(function* () {
      const without = yield* load([]);
      assert.deepStrictEqual(without.imported, ["env/mod.ts"]);
      const { loaded, imported } = yield* load(["sandbox:js"], { "sandbox.options.pages": "3" });
      assert.deepStrictEqual(imported, ["env/mod.ts", "sandbox/mod.ts"]);
      assert(Result.isSuccess(loaded));
      assert.deepStrictEqual(loaded.success.get("sandbox")?.options, { pages: 3 });
    }),
  );

  it.effect("refuses options that the sandbox does not know, and a sandbox that nobody asks", () =>
    Effect.gen(function* () {
      assert.match(
        yield* refusal(["sandbox:js"], { "sandbox.options.page": "3" }),
        /got sandbox\.options\.page, .*did you mean sandbox\.options\.pages\?/,
      );
      assert.match(
        yield* refusal([], { "sandbox.options.pages": "3" }),
        /got sandbox\.options\.pages, at --sandbox\.options\.pages, but the environment maze runs no code; leave it out/,
      );
    }),
  );

  it.effect("refuses an environment that needs what no run has, by name", () =>
    Effect.gen(function* () {
      assert.match(
        yield* refusal(["sandbox:python", "network"]),
        /got @resd\/env-maze, which needs sandbox:python; give its layer in code/,
      );
    }),
  );
});
