import { assert, describe, it } from "vitest";
import { findViolations } from "./find_violations.ts";
import type { Manifest, Workspace } from "./workspace.ts";

const doc = "/** Everything a reader needs to know about this package in one paragraph. */\n";
const exports = { ".": "./mod.ts" };

/** A package that breaks no rule, with what a test changes. */
const makePackage = (
  folder: string,
  sources: Readonly<Record<string, string>>,
  manifest: Manifest = {},
) => ({
  folder,
  manifest: {
    name: `@resd/${folder.split("/")[1]}`,
    license: "Apache-2.0",
    type: "module",
    exports,
    ...manifest,
  },
  sources: Object.entries({ "mod.ts": `${doc}export * from "./noun.ts";\n`, ...sources }).map(
    ([path, text]) => ({ path, text }),
  ),
});

const env = { apiVersion: "resd/1", seam: "env", id: "demo", entry: "./mod.ts" };
const workspace: Workspace = {
  rootDependencies: new Set(["vitest"]),
  packages: [
    makePackage("packages/tensor", { "noun.ts": "export const one = 1;\n" }),
    makePackage(
      "packages/core",
      { "noun.ts": 'import type { one } from "@resd/tensor";\nexport type One = typeof one;\n' },
      { dependencies: { "@resd/tensor": "workspace:*" } },
    ),
    makePackage(
      "plugins/env-demo",
      {
        "mod.ts": `${doc}export { layer, Options } from "./noun.ts";\n`,
        "noun.ts": 'import { readFileSync } from "node:fs";\nimport "@resd/core";\n',
        "noun_test.ts": 'import { it } from "vitest";\n',
      },
      { resd: env, dependencies: { "@resd/core": "workspace:*" } },
    ),
  ],
};

/** The violations of the sound workspace with one more package, or one package replaced. */
const violationsWith = (...pkg: Parameters<typeof makePackage>): ReadonlyArray<string> => {
  const added = makePackage(...pkg);
  const others = workspace.packages.filter((other) => other.folder !== added.folder);
  return findViolations({ ...workspace, packages: [...others, added] })
    .filter(({ where }) => where.startsWith(added.folder))
    .map(({ where, message }) => `${where}: ${message}`);
};

const expectOnly = (found: ReadonlyArray<string>, expected: RegExp) => {
  assert.strictEqual(found.length, 1, found.join("\n"));
  assert.match(found[0] as string, expected);
};

describe("findViolations()", () => {
  it("finds nothing in a sound workspace", () => {
    assert.deepEqual(findViolations(workspace), []);
  });

  it("names both ends and the remedy when a package depends on a plugin", () => {
    const found = violationsWith(
      "packages/core",
      { "noun.ts": 'import "@resd/env-demo";\n' },
      { dependencies: { "@resd/env-demo": "workspace:*" } },
    );
    assert.strictEqual(found.length, 2);
    assert.match(
      found[0] as string,
      /^packages\/core\/package.json: may not depend on @resd\/env-/,
    );
    assert.match(
      found[1] as string,
      /^packages\/core\/noun.ts:1: "@resd\/env-demo" is not allowed/,
    );
  });

  it("finds an import that package.json does not declare, also a dynamic one", () => {
    const found = violationsWith("packages/tensor", {
      "noun.ts": '// first\nexport const load = () => import("left-pad/now");\n',
    });
    expectOnly(found, /noun.ts:2: "left-pad\/now" is not declared/);
  });

  it("lets only tests import what only the root or devDependencies declare", () => {
    const found = violationsWith("packages/tensor", { "noun.ts": 'import "vitest";\n' });
    expectOnly(found, /"vitest" is not declared/);
    assert.deepEqual(
      violationsWith("packages/tensor", { "noun_test.ts": 'import "vitest";\n' }),
      [],
    );
  });

  it("finds code that core loads from tensor", () => {
    const found = violationsWith(
      "packages/core",
      { "noun.ts": 'import { one } from "@resd/tensor";\nexport const two = one + one;\n' },
      { dependencies: { "@resd/tensor": "workspace:*" } },
    );
    expectOnly(found, /only the types of tensor/);
  });

  it("finds a relative import that leaves the package, and a module of Node without its prefix", () => {
    const found = violationsWith("packages/tensor", {
      "deep/noun.ts": 'import "../noun.ts";\nimport "../../core/mod.ts";\nimport "fs";\n',
    });
    assert.strictEqual(found.length, 2);
    assert.match(found[0] as string, /deep\/noun.ts:2: .* leaves the package/);
    assert.match(found[1] as string, /write "node:fs"/);
  });

  it("finds a shipped file that imports what is for tests only", () => {
    const support = {
      "_world.ts": 'import "vitest";\n',
      "noun_test.ts": 'import "./_world.ts";\n',
    };
    assert.deepEqual(violationsWith("packages/tensor", support), []);
    const found = violationsWith("packages/tensor", {
      ...support,
      "noun.ts": 'import "./_world.ts";',
    });
    expectOnly(found, /noun.ts:1: ".\/_world.ts" is for tests only/);
  });

  it("finds a dependency that nothing imports", () => {
    const found = violationsWith("packages/tensor", {}, { dependencies: { effect: "catalog:" } });
    expectOnly(found, /nothing that ships imports effect; remove it/);
  });

  it("finds a version that is not the catalog's", () => {
    const found = violationsWith(
      "packages/tensor",
      { "noun.ts": 'import "effect";\n' },
      { dependencies: { effect: "^4.1.0" } },
    );
    expectOnly(found, /expected "effect": "catalog:", got "\^4.1.0"/);
    const peer = violationsWith(
      "packages/tensor",
      { "noun.ts": 'import "effect";\n' },
      { peerDependencies: { effect: "catalog:" } },
    );
    expectOnly(peer, /expected "effect": "catalog:peer", got "catalog:"/);
  });

  it("finds a mod.ts without documentation, and one that does more than re-export", () => {
    const bare = violationsWith("packages/tensor", { "mod.ts": 'export * from "./noun.ts";\n' });
    expectOnly(bare, /mod.ts: expected to open with a paragraph/);
    const busy = violationsWith("packages/tensor", { "mod.ts": `${doc}export const one = 1;\n` });
    expectOnly(busy, /mod.ts:2: mod.ts only re-exports/);
  });

  it("finds a plugin whose mod.ts exports more than the seam asks for", () => {
    const found = violationsWith(
      "plugins/env-demo",
      {
        "mod.ts": `${doc}export { layer, Options, secret } from "./noun.ts";\n`,
        "noun.ts": 'import "@resd/core";\n',
      },
      { resd: env, dependencies: { "@resd/core": "workspace:*" } },
    );
    expectOnly(found, /exports layer, Options, manifest and nothing else, got secret/);
  });

  it("finds a plugin whose manifest disagrees with its folder", () => {
    const found = violationsWith(
      "plugins/env-other",
      { "mod.ts": `${doc}export { layer } from "./noun.ts";\n` },
      { resd: env },
    );
    expectOnly(found, /expected "resd".seam and .id to make "env-other", got "env-demo"/);
  });

  it("finds names that say nothing", () => {
    const found = violationsWith("packages/tensor", { "utils.ts": "", "myNoun.ts": "" });
    assert.strictEqual(found.length, 2);
    assert.match(found[0] as string, /utils.ts: this name says nothing/);
    assert.match(found[1] as string, /myNoun.ts: expected a name in snake_case/);
  });

  it("finds a package without code, without a layer, or under a wrong name", () => {
    const empty = { ...makePackage("packages/core", {}), sources: [] };
    const found = findViolations({ ...workspace, packages: [empty] });
    assert.match(found.map(({ message }) => message).join(), /holds no code/);
    expectOnly(violationsWith("packages/novel", {}), /has no layer/);
    expectOnly(violationsWith("packages/tensor", {}, { name: "tensor" }), /"@resd\/tensor", got/);
  });
});
