import { assert, describe, it } from "vitest";
import type { WorkspacePackage } from "../workspace.ts";
import { rewriteSpecifiers } from "./compile.ts";
import { isPublished, shippedSources } from "./published.ts";
import { publishedManifest } from "./stage_packages.ts";

const plugin: WorkspacePackage = {
  folder: "plugins/env-maze",
  manifest: {
    name: "@resd/env-maze",
    version: "0.1.0",
    exports: { ".": "./mod.ts", "./walls": "./walls/mod.ts", "./data": "./data.json" },
    dependencies: { "@resd/core": "workspace:*" },
    devDependencies: { "@resd/testing": "workspace:*" },
    resd: { apiVersion: "resd/1", seam: "env", id: "maze", entry: "./mod.ts" },
  },
  sources: ["mod.ts", "maze.ts", "maze_test.ts", "_world.ts", "templates/a.ts"].map((path) => ({
    path,
    text: "",
  })),
};

describe("packing", () => {
  it("publishedManifest() names what is compiled, with its declarations, and nothing for tests", () => {
    const { exports, resd, dependencies, ...rest } = publishedManifest(plugin);
    assert.deepEqual(exports, {
      ".": { types: "./mod.d.ts", default: "./mod.js" },
      "./walls": { types: "./walls/mod.d.ts", default: "./walls/mod.js" },
      "./data": "./data.json",
    });
    assert.strictEqual(resd?.["entry"], "./mod.js");
    assert.deepEqual(dependencies, { "@resd/core": "workspace:*" }); // pnpm writes the version
    assert.notProperty(rest, "devDependencies");
  });

  it("shippedSources() leaves tests and templates out", () => {
    assert.deepEqual(shippedSources(plugin), ["mod.ts", "maze.ts"]);
  });

  it("isPublished() holds for packages and plugins that are not private, and for no tool", () => {
    assert.isTrue(isPublished(plugin));
    assert.isFalse(isPublished({ ...plugin, manifest: { ...plugin.manifest, private: true } }));
    assert.isFalse(isPublished({ ...plugin, folder: "tools/bench" }));
  });

  it("rewriteSpecifiers() turns relative sources into JavaScript, and leaves text alone", () => {
    const before = [
      'export type { A } from "./a.ts";',
      'type B = import("../b/mod.ts").B;',
      'new Worker(new URL("./worker.ts", import.meta.url));',
      'const advice = "write ./my_env.ts";',
      'import x from "other/y.ts";',
    ];
    assert.deepEqual(rewriteSpecifiers(before.join("\n")).split("\n"), [
      'export type { A } from "./a.js";',
      'type B = import("../b/mod.js").B;',
      'new Worker(new URL("./worker.js", import.meta.url));',
      ...before.slice(3),
    ]);
  });
});
