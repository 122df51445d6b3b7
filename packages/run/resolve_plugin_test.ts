import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer, Schema } from "effect";
import { folderWith, makeTestHost, testServices } from "./_host.ts";
import { findPlugin, loadPlugin } from "./resolve_plugin.ts";

const packageJson = (resd: unknown, more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ name: "resd-env-maze", version: "2.0.0", resd, ...more });
const manifest = { apiVersion: "resd/1", seam: "env", id: "maze", entry: "./mod.ts" };
const facts = {
  apiVersion: "resd/1",
  id: "maze",
  turns: "single",
  reward: { min: 0, max: 1 },
  determinism: "pure",
  splits: { train: { size: 1, license: "CC0-1.0" } },
  feedback: { tests: false, leakage: "none", maxChars: 100 },
  needs: [],
  gold: false,
};
const module = { layer: () => Layer.empty, Options: Schema.Struct({}), manifest: facts };

/** Finds a plugin of a package that is written for the test. */
const find = (use: string, text: string, name = "@resd/env-maze") =>
  Effect.gen(function* () {
    const folder = yield* folderWith({ "plugin/package.json": text });
    const host = makeTestHost({
      packages: { [name]: `${folder}/plugin/package.json` },
      modules: { "plugin/mod.ts": module },
      known: ["@resd/env-kestrel", "@resd/curator-self", "effect"],
    });
    const found = yield* Effect.result(
      findPlugin("env", use.replace("<folder>", folder)).pipe(Effect.provide(host.layer)),
    );
    return { folder, host, found };
  }).pipe(Effect.scoped, Effect.provide(testServices));

const refusal = (...call: Parameters<typeof find>) =>
  Effect.map(find(...call), ({ found, host }) => {
    assert.deepStrictEqual(host.imported, [], "nothing of a refused plugin may run");
    return found._tag === "Failure" ? found.failure.message : "";
  });

describe("plugins", () => {
  it.effect("findPlugin() finds a plugin by id, package name and path", () =>
    Effect.gen(function* () {
      const named = [
        ["maze", "@resd/env-maze"],
        ["maze", "resd-env-maze"],
        ["resd-env-maze", "resd-env-maze"],
        ["@lab/maze", "@lab/maze"],
        ["<folder>/plugin", "unused"],
      ] as const;
      for (const [use, name] of named) {
        const { found, folder } = yield* find(use, packageJson(manifest), name);
        assert(found._tag === "Success");
        assert.strictEqual(found.success.entry, `${folder}/plugin/mod.ts`);
        assert.strictEqual(found.success.version, "2.0.0");
      }
    }),
  );

  it.effect("findPlugin() names the nearest plugin that there is", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* refusal("kestral", packageJson(manifest)),
        "Expected a plugin for the seam env, got kestral, which is none of kestrel, and no package @resd/env-kestral, resd-env-kestral, kestral; did you mean kestrel?",
      );
      assert.match(
        yield* refusal("alfworld", packageJson(manifest)),
        /which is none of kestrel, .*; choose one of them, install the package, or give a path$/,
      );
    }),
  );

  it.effect("findPlugin() refuses a manifest that does not fit, before anything is imported", () =>
    Effect.gen(function* () {
      assert.match(
        yield* refusal("maze", packageJson(undefined)),
        /Expected a "resd" manifest, got a package without one, at .*; add "resd": \{"apiVersion": "resd\/1", "seam": "env"/,
      );
      assert.match(
        yield* refusal("maze", packageJson({ ...manifest, apiVersion: "resd/2" })),
        /Expected a manifest for resd\/1, got .*resd\/2.*install a version of resd-env-maze for resd\/1$/s,
      );
      assert.match(
        yield* refusal("maze", packageJson({ ...manifest, seam: "curator" })),
        /Expected a plugin for the seam env, got resd-env-maze for the seam curator/,
      );
      assert.match(yield* refusal("maze", "{"), /Expected a package\.json/);
    }),
  );

  it.effect("loadPlugin() imports the entry and gives its layer and options", () =>
    Effect.gen(function* () {
      const { found, host } = yield* find("maze", packageJson(manifest));
      assert(found._tag === "Success");
      const loaded = yield* Effect.provide(loadPlugin(found.success), host.layer);
      assert.strictEqual(loaded.layer, module.layer);
      assert.lengthOf(host.imported, 1);
    }),
  );

  it.effect("loadPlugin() refuses a module that fails to load or does not export a plugin", () =>
    Effect.gen(function* () {
      const { found } = yield* find("maze", packageJson(manifest));
      assert(found._tag === "Success");
      const load = (modules: Readonly<Record<string, unknown>>) =>
        Effect.flip(Effect.provide(loadPlugin(found.success), makeTestHost({ modules }).layer));
      assert.match((yield* load({})).message, /Expected a module that loads, got no module/);
      assert.match(
        (yield* load({ "mod.ts": { layer: 3 } })).message,
        /Expected exports layer\(options\) and Options, got layer, at .*; export both/,
      );
      const { manifest: _none, ...bare } = module;
      assert.match(
        (yield* load({ "mod.ts": bare })).message,
        /Expected an export manifest for resd\/1, got none/,
      );
      const future = { ...module, manifest: { ...facts, apiVersion: "resd/2" } };
      assert.match(
        (yield* load({ "mod.ts": future })).message,
        /Expected an export manifest for resd\/1, got .*resd\/2/,
      );
    }),
  );

  it.effect("findPlugin() takes a single module, and names its text", () =>
    Effect.gen(function* () {
      const folder = yield* folderWith({ "my_maze.ts": "export {};" });
      const host = makeTestHost({ modules: { "my_maze.ts": module } });
      const found = yield* Effect.provide(findPlugin("env", `${folder}/my_maze.ts`), host.layer);
      assert.strictEqual(found.entry, `${folder}/my_maze.ts`);
      assert.strictEqual(found.manifest.id, "my_maze");
      assert.match(found.version, /^text-[0-9a-f]{32}$/);
      assert.isEmpty(host.imported);
      const loaded = yield* Effect.provide(loadPlugin(found), host.layer);
      assert.strictEqual(loaded.manifest?.id, "maze");
      const missing = yield* Effect.flip(
        Effect.provide(findPlugin("env", `${folder}/other.ts`), host.layer),
      );
      assert.match(missing.message, /Expected the module of a plugin, got no readable file/);
      const bare = yield* Effect.flip(Effect.provide(findPlugin("env", "my_maze.ts"), host.layer));
      assert.match(bare.message, /if the file is meant, write \.\/my_maze\.ts$/);
    }).pipe(Effect.scoped, Effect.provide(testServices)),
  );

  it.effect(
    "findPlugin() runs sources in a checkout and what was compiled where it is installed",
    () =>
      Effect.gen(function* () {
        const text = packageJson({ ...manifest, entry: "./maze.js" });
        const files = { "package.json": text, "maze.ts": "", "maze.js": "" };
        const folder = yield* folderWith(
          Object.fromEntries(
            ["maze", "node_modules/maze"].flatMap((home) =>
              Object.entries(files).map(([name, content]) => [`${home}/${name}`, content]),
            ),
          ),
        );
        const entryOf = (use: string) =>
          Effect.map(Effect.provide(findPlugin("env", use), makeTestHost({}).layer), ({ entry }) =>
            entry.slice(folder.length + 1),
          );
        assert.strictEqual(yield* entryOf(`${folder}/maze`), "maze/maze.ts");
        assert.strictEqual(
          yield* entryOf(`${folder}/node_modules/maze`),
          "node_modules/maze/maze.js",
        );
      }).pipe(Effect.scoped, Effect.provide(testServices)),
  );
});
