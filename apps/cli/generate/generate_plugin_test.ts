import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect, FileSystem, Path } from "effect";
import { generatePlugin, seams } from "./generate_plugin.ts";

/** An empty workspace that is gone after the test. */
const temporaryRoot = Effect.flatMap(FileSystem.FileSystem, (fileSystem) =>
  fileSystem.makeTempDirectoryScoped({ prefix: "generate-" }),
);

describe("generatePlugin()", () => {
  for (const seam of seams) {
    it.effect(`writes a ${seam} plugin under its own name, with nothing of the template's`, () =>
      Effect.gen(function* () {
        const fileSystem = yield* FileSystem.FileSystem;
        const path = yield* Path.Path;
        const root = yield* temporaryRoot;
        const made = yield* generatePlugin(root, seam, "my-game");
        assert.strictEqual(made.folder, path.join(root, "plugins", `${seam}-my-game`));
        assert.deepStrictEqual(made.files, [
          "mod.ts",
          "my_game.ts",
          "my_game_test.ts",
          "package.json",
        ]);
        const texts = yield* Effect.forEach(made.files, (file) =>
          fileSystem.readFileString(path.join(made.folder, file)),
        );
        assert.notMatch(texts.join(), /sample.?plugin/i);
        const manifest = JSON.parse(texts[3] as string) as Record<string, unknown>;
        assert.strictEqual(manifest["name"], `@resd/${seam}-my-game`);
        const resd = { apiVersion: "resd/1", seam, id: "my-game", entry: "./mod.ts" };
        assert.deepStrictEqual(manifest["resd"], resd);
      }).pipe(Effect.provide(NodeServices.layer)),
    );
  }

  it.effect(
    "refuses an unknown seam, a bad name and a folder that is taken, and says what to do",
    () =>
      Effect.gen(function* () {
        const root = yield* temporaryRoot;
        const refusal = (seam: string, name: string) =>
          Effect.map(Effect.flip(generatePlugin(root, seam, name)), (error) => error.message);
        assert.match(yield* refusal("game", "mine"), /env, reflector, .* got "game"/);
        assert.match(yield* refusal("env", "My Game"), /lower case with hyphens.* got "My Game"/);
        yield* generatePlugin(root, "env", "mine");
        assert.match(yield* refusal("env", "mine"), /choose another name or remove the folder/);
      }).pipe(Effect.provide(NodeServices.layer)),
  );
});
