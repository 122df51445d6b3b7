import { assert, describe, it } from "vitest";
import { nearest, nearestAdvice } from "./nearest.ts";

describe("nearest", () => {
  it("nearest() finds the name that a slip of the keys came from", () => {
    const names = ["kestrel", "paper/base", "paper/finer"];
    assert.strictEqual(nearest("kestrl", names), "kestrel");
    assert.strictEqual(nearest("ketsrel", names), "kestrel");
    assert.strictEqual(nearest("Paper/Fine", names), "paper/finer");
  });

  it("nearest() finds nothing when no name is close", () => {
    assert.isUndefined(nearest("alfworld", ["kestrel", "sqlite"]));
    assert.isUndefined(nearest("x", []));
  });

  it("nearest() takes the first of two names that are as close", () => {
    assert.strictEqual(nearest("at", ["cat", "bat"]), "cat");
  });

  it("nearestAdvice() lists all names when none is close", () => {
    assert.strictEqual(nearestAdvice("kestrl", ["kestrel"]), "did you mean kestrel?");
    assert.strictEqual(nearestAdvice("zzz", ["a1", "b2"]), "choose one of a1, b2");
  });
});
