import { assert, describe, it } from "vitest";
import { beforeStop } from "./stop_text.ts";

describe("beforeStop", () => {
  it("beforeStop() gives what stands before the first stop string, whichever it is", () => {
    assert.strictEqual(beforeStop("one two three", ["three", "two"]), "one ");
    assert.strictEqual(beforeStop("one\n\nHuman: two", ["\nHuman:"]), "one\n");
    assert.strictEqual(beforeStop("stop", ["stop"]), "");
  });

  it("beforeStop() gives the whole text, where no stop string is in it", () => {
    assert.strictEqual(beforeStop("one two", ["three"]), "one two");
    assert.strictEqual(beforeStop("one two", []), "one two");
  });
});
