import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { lastOf, printable, wrapped } from "./wrapped.ts";

const LETTERS = [..."ab  \n\t", "\u001b[31m", "🙂", "ü", "\r\n", "\u0007"];

describe("wrapped", () => {
  it("wrapped() gives lines that fit and loses nothing but blanks at their ends, whatever the text", () => {
    const random = makeRandom("wrapped");
    for (let i = 0; i < 500; i++) {
      const text = Array.from({ length: random.int(80) }, () => random.pick(LETTERS)).join("");
      const width = 12 + random.int(40);
      const lines = wrapped(text, width, "    ");
      for (const line of lines) assert.isAtMost([...line].length, width);
      const dense = (some: string) => some.replaceAll(/\s/g, "");
      assert.strictEqual(dense(lines.join("")), dense(printable(text)));
      assert.notMatch(lines.join(""), /\p{Cc}/u);
    }
  });

  it("wrapped() breaks at blanks, keeps lines as they are where they fit, and breaks long words", () => {
    assert.deepEqual(wrapped("one two three\n\n  four", 10), [
      "  one two",
      "  three",
      "",
      "    four",
    ]);
    assert.deepEqual(wrapped("abcdefghijkl", 10), ["  abcdefgh", "  ijkl"]);
  });

  it("printable() shows the codes that would move the cursor or colour the terminal", () => {
    assert.strictEqual(printable("a\u001b[2Jb\nc\u202ed"), "a\\u001b[2Jb\nc\\u202ed");
  });

  it("lastOf() keeps the end of a key, in one line", () => {
    assert.strictEqual(lastOf("kestrel/classic/1/train/0", 10), "…1/train/0");
    assert.strictEqual(lastOf("a\nb", 10), "a b");
  });
});
