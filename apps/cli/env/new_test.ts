import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { afterAll } from "vitest";
import { APPLICATION, ROOT } from "../application.ts";
import { newEnvironment } from "./new.ts";

const folder = mkdtempSync(join(tmpdir(), "resd-new-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tarballs = join(folder, "tarballs");
mkdirSync(tarballs);
for (const name of ["core", "cli", "env-kit", "testing", "tensor"]) {
  writeFileSync(join(tarballs, `resd-${name}-0.1.0.tgz`), "");
}

const make = (name: string, from?: string) => newEnvironment({ name: join(folder, name), from });
const refusal = (name: string, from?: string) =>
  Effect.map(Effect.flip(make(name, from)), ({ message }) => message);

describe("newEnvironment()", () => {
  it.effect("says that a folder cannot be made, without a trace", () =>
    Effect.gen(function* () {
      const message = yield* refusal("tarballs/resd-core-0.1.0.tgz/my-env");
      assert.match(message, /^Expected a folder that can be made, got .*; choose another place$/);
    }),
  );

  it.effect("writes a package under its own name, with nothing of the template's", () =>
    Effect.gen(function* () {
      const made = yield* make("my-game");
      assert.deepStrictEqual(made.files, [
        ".gitignore",
        "README.md",
        "my_game.test.ts",
        "my_game.ts",
        "package.json",
        "tsconfig.build.json",
        "tsconfig.json",
      ]);
      const texts = made.files.map((file) => readFileSync(join(made.folder, file), "utf8"));
      assert.notMatch(texts.join(), /sample.?env|0\.0\.0-version/i);
      const { name, resd, devDependencies, overrides } = JSON.parse(texts[4]!);
      assert.strictEqual(name, "resd-env-my-game");
      const entry = "./my_game.js";
      assert.deepStrictEqual(resd, { apiVersion: "resd/1", seam: "env", id: "my-game", entry });
      assert.strictEqual(devDependencies["@resd/cli"], `^${APPLICATION.version}`);
      assert.isUndefined(overrides);
    }),
  );

  it.effect("installs from tarballs, those included that nothing names directly", () =>
    Effect.gen(function* () {
      const made = yield* make("other-game", tarballs);
      const manifest = JSON.parse(readFileSync(join(made.folder, "package.json"), "utf8"));
      const from = (name: string) => `file:../tarballs/resd-${name}-0.1.0.tgz`;
      assert.strictEqual(manifest.dependencies["@resd/env-kit"], from("env-kit"));
      assert.strictEqual(manifest.devDependencies["@resd/cli"], from("cli"));
      assert.deepStrictEqual(manifest.overrides, {
        "@resd/core": from("core"),
        "@resd/tensor": from("tensor"),
      });
    }),
  );

  it.effect("refuses bad names, taken folders, the repository and folders without tarballs", () =>
    Effect.gen(function* () {
      assert.match(yield* refusal("My Game"), /lower case with hyphens.* got "My Game"/);
      yield* make("mine");
      assert.match(yield* refusal("mine"), /a new or empty folder, got .*choose another name/);
      const inside = yield* Effect.flip(
        newEnvironment({ name: join(ROOT, "plugins/mine"), from: undefined }),
      );
      assert.match(inside.message, /outside of the repository.*npm run new -- env mine/);
      assert.match(yield* refusal("yours", folder), /tarballs of all packages, got 0 of them/);
    }),
  );
});
