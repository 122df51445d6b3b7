import { assert, describe, it } from "vitest";
import { parseModelName } from "./model_name.ts";

describe("parseModelName", () => {
  it("parseModelName() reads repositories and revisions", () => {
    const read = (text: string) => {
      const name = parseModelName(text);
      return name && [name.repository, name.revision];
    };
    assert.deepStrictEqual(read("Qwen/Qwen3-0.6B"), ["Qwen/Qwen3-0.6B", "main"]);
    assert.deepStrictEqual(read("gpt2"), ["gpt2", "main"]);
    assert.deepStrictEqual(read("a/b@refs/pr/1"), ["a/b", "refs/pr/1"]);
    assert.deepStrictEqual(read("a/b_c.d@v1.0"), ["a/b_c.d", "v1.0"]);
  });

  it.each([
    "./a",
    "../a/b",
    "/a/b",
    "a/b/c",
    "a//b",
    "~/a",
    "a b",
    "",
    "a/b@",
    "a/b@../x",
    "a/..b",
    "a--b/c",
    "a\\b",
  ])("parseModelName() takes %j for no name", (text) => {
    assert.isUndefined(parseModelName(text));
  });
});
