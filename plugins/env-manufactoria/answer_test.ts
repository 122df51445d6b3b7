import { assert, describe, it } from "vitest";
import { programBlock } from "./answer.ts";

describe("programBlock()", () => {
  const cases: ReadonlyArray<readonly [what: string, reply: string, block: string | undefined]> = [
    ["the only block", "Here:\n```manufactoria\nEND end\n```\nDone.", "END end"],
    ["a block without a language", "```\n\n  END end\n\n```", "END end"],
    ["the last of several", "```\na\n```\n```manufactoria\nb\n```", "b"],
    ["not a block in another language", "```\na\n```\n```python\nb\n```", "a"],
    ["not a block that is never closed", "```\na\n```\n```\nb", "a"],
    ["a block after one that is never closed", "```manufactoria\na\n```manufactoria\nb\n```", "b"],
    ["an indented fence", "- so\n  ```\n  a\n  ```", "a"],
    ["nothing without a fence", "END end", undefined],
    ["nothing on one line", "```END end```", undefined],
    ["nothing from an empty answer", "", undefined],
    ["an empty block", "```\n```", ""],
  ];
  it.each(cases)("finds %s", (_, reply, block) => {
    assert.strictEqual(programBlock(reply), block);
  });
});
