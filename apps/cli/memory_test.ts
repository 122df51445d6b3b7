import { totalmem } from "node:os";
import { assert, describe, it } from "vitest";
import { memoryBytes } from "./memory.ts";

const GIB = 2 ** 30;

describe("memoryBytes", () => {
  it("memoryBytes() is what a container may take, where that is less than the machine has", () => {
    assert.strictEqual(memoryBytes(64 * GIB, 4 * GIB), 4 * GIB);
    assert.strictEqual(memoryBytes(2 * GIB, 4 * GIB), 2 * GIB);
  });

  it("memoryBytes() is that of the machine, where no limit is known or none is set", () => {
    for (const limit of [0, 2 ** 63 - 1024, 2 ** 64]) {
      assert.strictEqual(memoryBytes(8 * GIB, limit), 8 * GIB);
    }
    assert.isAtMost(memoryBytes(), totalmem());
    assert.isAbove(memoryBytes(), 0);
  });
});
