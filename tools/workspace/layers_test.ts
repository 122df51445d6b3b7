import { assert, describe, it } from "vitest";
import { whyForbidden, whyUnplaced } from "./layers.ts";

describe("layers", () => {
  const allowed: ReadonlyArray<readonly [string, string, "ship" | "test"]> = [
    ["packages/core", "packages/tensor", "ship"],
    ["packages/engine", "packages/models", "ship"],
    ["packages/run", "packages/engine", "ship"],
    ["packages/tensor", "packages/testing", "test"],
    ["plugins/env-kestrel", "packages/core", "ship"],
    ["plugins/env-kestrel", "packages/testing", "test"],
    ["plugins/env-bouncing-sim", "plugins/sandbox-quickjs", "test"],
    ["plugins/playbook-sqlite", "packages/sqlite-node", "ship"],
    ["apps/cli", "plugins/env-kestrel", "ship"],
    ["apps/cli", "packages/testing", "ship"],
    ["tools/bench", "plugins/compute-onnx", "ship"],
  ];
  it.each(allowed)("whyForbidden() lets %s see %s (%s)", (from, to, use) => {
    assert.isUndefined(whyForbidden(from, to, use));
  });

  const forbidden: ReadonlyArray<readonly [string, string, "ship" | "test", RegExp]> = [
    ["packages/tensor", "packages/core", "ship", /not below tensor/],
    ["packages/models", "packages/objectives", "ship", /not below models/],
    ["packages/core", "plugins/env-kestrel", "ship", /name what it needs as a service/],
    ["packages/resd", "packages/sqlite-node", "ship", /only plugins and apps use drivers/],
    ["packages/sqlite-node", "packages/engine", "ship", /beside core/],
    ["packages/resd", "packages/testing", "ship", /devDependency/],
    ["plugins/env-kestrel", "plugins/compute-onnx", "test", /another plugin/],
    ["plugins/env-bouncing-sim", "plugins/sandbox-quickjs", "ship", /another plugin/],
    ["plugins/env-kestrel", "apps/cli", "ship", /application/],
    ["apps/cli", "tools/bench", "ship", /tool/],
  ];
  it.each(forbidden)("whyForbidden() tells why %s may not see %s (%s)", (from, to, use, reason) => {
    assert.match(whyForbidden(from, to, use) ?? "", reason);
  });

  it("whyUnplaced() refuses a package without a layer, and no driver, plugin or app", () => {
    assert.match(whyUnplaced("packages/novel") ?? "", /layers\.ts/);
    assert.isUndefined(whyUnplaced("packages/core"));
    assert.isUndefined(whyUnplaced("packages/sqlite-node"));
    assert.isUndefined(whyUnplaced("plugins/env-kestrel"));
  });
});
