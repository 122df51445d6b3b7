import { assert, describe, it } from "@effect/vitest";
import { Curator } from "@resd/core";
import { Effect, Layer } from "effect";
import { folderWith, testServices } from "./_host.ts";
import { readConfigFile } from "./config_file.ts";
import { defineRun } from "./define_run.ts";

const noModules = (): Promise<unknown> => Promise.reject(new Error("nothing to import"));

const read = (
  name: string,
  text: string,
  importModule: (path: string) => Promise<unknown> = noModules,
) =>
  Effect.gen(function* () {
    const folder = yield* folderWith({ [name]: text });
    const file = yield* readConfigFile(`${folder}/${name}`, importModule);
    return { folder, file };
  }).pipe(Effect.scoped, Effect.provide(testServices));

const refused = (...call: Parameters<typeof read>) =>
  Effect.map(Effect.flip(read(...call)), (error) => error.message);

describe("readConfigFile", () => {
  it.effect("readConfigFile() reads TOML and JSON to the same values", () =>
    Effect.gen(function* () {
      const toml = yield* read("a.toml", 'seed = 3\n[resd]\nlr = 1e-3\noperations = ["Add"]\n');
      const json = yield* read(
        "a.json",
        '{"seed": 3, "resd": {"lr": 1e-3, "operations": ["Add"]}}',
      );
      const values = { seed: 3, resd: { lr: 1e-3, operations: ["Add"] } };
      assert.deepStrictEqual(toml.file.parts[0]?.values, values);
      assert.deepStrictEqual(json.file.parts[0]?.values, values);
      assert.strictEqual(toml.file.parts[0]?.source, `file ${toml.folder}/a.toml`);
    }),
  );

  it.effect("readConfigFile() takes paths that begin with a dot from the file's own folder", () =>
    Effect.gen(function* () {
      const { folder, file } = yield* read(
        "runs/a.toml",
        'model = "../models/mine"\nenvironment = { use = "./env" }\ntrackers = [{ use = "./log" }, { use = "console" }]\n',
      );
      assert.deepStrictEqual(file.parts[0]?.values, {
        model: `${folder}/models/mine`,
        environment: { use: `${folder}/runs/env` },
        trackers: [{ use: `${folder}/runs/log` }, { use: "console" }],
      });
    }),
  );

  it.effect("readConfigFile() takes the default export of a module, with its layers", () =>
    Effect.gen(function* () {
      const run = defineRun({
        preset: "paper/base",
        config: { seed: 2 },
        layers: { curator: Layer.succeed(Curator, {} as never) },
      });
      const { file } = yield* read("a.ts", "", () => Promise.resolve({ default: run }));
      assert.deepStrictEqual(
        file.parts.map((part) => part.values),
        [{ curator: { use: "custom" } }, { preset: "paper/base", seed: 2 }],
      );
      assert.deepStrictEqual(file.layers, run.layers);
    }),
  );

  it.effect("readConfigFile() refuses what is no run, and says what to write", () =>
    Effect.gen(function* () {
      const plain = yield* refused("a.ts", "", () => Promise.resolve({ default: { seed: 1 } }));
      assert.match(plain, /Expected a run as the default export, got object, at .*a\.ts; write/);
      const none = yield* refused("a.ts", "", () => Promise.resolve({}));
      assert.match(none, /got no default export/);
      const broken = yield* refused("a.ts", "", () => Promise.reject(new Error("no such import")));
      assert.match(broken, /Expected a module that loads, got no such import/);
    }),
  );

  it.effect("readConfigFile() says at which line a module of the person's own broke", () =>
    Effect.gen(function* () {
      const throws = (path: string) => {
        const error = new Error("boom");
        error.stack = `Error: boom\n    at file://${path}:4:7\n    at file:///elsewhere.ts:9:1`;
        return Promise.reject(error);
      };
      assert.match(yield* refused("a.ts", "", throws), /got boom, at \S*a\.ts:4:7; correct it/);
    }),
  );

  it.effect("readConfigFile() refuses slots, layers and keys that no run would read", () =>
    Effect.gen(function* () {
      const given = (definition: object) =>
        refused("a.ts", "", () => Promise.resolve({ default: defineRun(definition) }));
      assert.match(
        yield* given({ layers: { curatr: Layer.empty } }),
        /Expected a slot for a layer, got curatr, at layers of file \S*a\.ts; did you mean curator\?/,
      );
      assert.match(
        yield* given({ layers: { curator: 3 } }),
        /Expected a Layer, got number, at layers\.curator of file \S*a\.ts; make it with/,
      );
      assert.match(
        yield* given({ presets: "kestrel" }),
        /Expected a known key, got presets, at file \S*a\.ts; did you mean preset\?/,
      );
    }),
  );

  it.effect(
    "readConfigFile() refuses files that do not parse, are missing, or have no known form",
    () =>
      Effect.gen(function* () {
        assert.match(yield* refused("a.toml", "seed = "), /Expected TOML, got what does not parse/);
        assert.match(yield* refused("a.json", "{"), /Expected JSON, got what does not parse/);
        assert.match(
          yield* refused("a.json", "[1]"),
          /Expected an object of configuration values, got \[1\]/,
        );
        assert.match(
          yield* refused("a.yaml", "seed: 1"),
          /Expected a \.toml, \.json or \.ts file, got a\.yaml/,
        );
        const missing = yield* Effect.flip(readConfigFile("nowhere.toml", noModules)).pipe(
          Effect.provide(testServices),
        );
        assert.match(missing.message, /got no such file, at .*nowhere\.toml; give the path/);
      }),
  );
});
