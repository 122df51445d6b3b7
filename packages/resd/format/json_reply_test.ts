import { makeRandom } from "@resd/core";
import { Result } from "effect";
import { assert, describe, it } from "vitest";
import golden from "../fixtures/concise-golden.json" with { type: "json" };
import { extractTags, findJson, readOperations } from "./json_reply.ts";

interface Vector {
  readonly text: string;
  readonly result?: unknown;
  readonly accepted?: boolean;
}
const vectors = (name: string): ReadonlyArray<Vector> =>
  (golden.extra.find((item) => item.name === name)?.cases ?? []) as ReadonlyArray<Vector>;

describe("findJson()", () => {
  it("findJson() finds what the released code finds", () => {
    assert.strictEqual(vectors("json_extraction").length, 7);
    for (const { text, result } of vectors("json_extraction")) {
      assert.deepEqual(findJson(text)?.value ?? null, result, text);
    }
  });

  it("findJson() tells whole replies from pieces, and passes over fences that hold no JSON", () => {
    assert.deepEqual(findJson(' {"a": 1} '), { value: { a: 1 }, whole: true });
    assert.deepEqual(findJson('```json\nnope\n``` then ```json\n{"a": 1}\n```'), {
      value: { a: 1 },
      whole: false,
    });
    assert.deepEqual(findJson('```json\n{"a": 1}'), { value: { a: 1 }, whole: false });
    assert.deepEqual(findJson(String.raw`so {"a": "\"}"} it is`), {
      value: { a: '"}' },
      whole: false,
    });
  });
});

describe("extractTags()", () => {
  it("extractTags() finds what the released code finds", () => {
    assert.strictEqual(vectors("bullet_tag_extraction").length, 6);
    for (const { text, result } of vectors("bullet_tag_extraction")) {
      const expected = (result as ReadonlyArray<{ id: string; tag: string }>).map(
        ({ id, tag }) => ({ entry: id, sign: tag }),
      );
      assert.deepEqual([...extractTags(text)], expected as never, text);
    }
  });

  it("extractTags() finds the two-letter slugs that the released code misses", () => {
    assert.deepEqual(extractTags('"id": "ph-00004", "tag": "helpful" …'), [
      { entry: "ph-00004", sign: "helpful" },
    ]);
    assert.deepEqual(extractTags('"tag":"harmful" , "bullet" : "ph-00004"'), [
      { entry: "ph-00004", sign: "harmful" },
    ]);
  });

  it("extractTags() keeps well-formed tags, when others in the list are not", () => {
    const reply = JSON.stringify({
      bullet_tags: [
        null,
        7,
        { id: 1, tag: "helpful" },
        { id: "a-00001", tag: "great" },
        { bullet: "a-00002", tag: "neutral" },
      ],
    });
    assert.deepEqual(extractTags(reply), [{ entry: "a-00002", sign: "neutral" }]);
    assert.deepEqual(extractTags('{"bullet_tags": {"id": "a-00001", "tag": "helpful"}}'), []);
  });
});

describe("readOperations()", () => {
  it("readOperations() accepts and refuses what the released code does", () => {
    assert.strictEqual(vectors("curator_validation").length, 8);
    for (const { text, accepted } of vectors("curator_validation")) {
      assert.strictEqual(Result.isSuccess(readOperations(findJson(text)?.value)), accepted, text);
    }
  });

  it("readOperations() refuses additions that are not text, which crash the released code", () => {
    for (const bad of [{ section: 1, content: "x" }, { section: "x", content: ["y"] }, {}]) {
      const read = readOperations({ reasoning: "r", operations: [{ type: "ADD", ...bad }] });
      assert.isTrue(Result.isFailure(read));
    }
    assert.isTrue(Result.isFailure(readOperations({ reasoning: "r", operations: [null] })));
    assert.isTrue(Result.isFailure(readOperations({ reasoning: "r", operations: [{ type: 1 }] })));
  });

  it("readOperations() reads changes of entries, whatever the ids are called, and strips copied notation", () => {
    const read = readOperations({
      reasoning: "r",
      operations: [
        { type: "DELETE", bullet_id: "sai-00001" },
        { type: "UPDATE", id: "sai-00002", content: "better" },
        { type: "MERGE", ids: ["sai-00003", "sai-00004"], content: "both" },
        { type: "ADD", section: "OTHERS", content: "[misc-00009] helpful=1 harmful=0 :: keep me" },
      ],
    });
    assert.deepEqual(
      read,
      Result.succeed([
        { _tag: "Delete", entry: "sai-00001" },
        { _tag: "Update", entry: "sai-00002", text: "better" },
        { _tag: "Merge", entries: ["sai-00003", "sai-00004"], text: "both" },
        { _tag: "Add", section: "OTHERS", text: "keep me" },
      ]),
    );
  });

  it("readOperations() passes over other types and changes that do not say what they mean", () => {
    const read = readOperations({
      reasoning: "r",
      operations: [
        { type: "CREATE_META", section: "x" },
        { type: "UPDATE", id: 7, content: "x" },
        { type: "UPDATE", id: "sai-00002" },
        { type: "DELETE" },
        { type: "MERGE", ids: ["sai-00003", 4], content: "x" },
        { type: "MERGE", content: "x" },
      ],
    });
    assert.deepEqual(read, Result.succeed([]));
  });

  it("readOperations() refuses lessons that no prompt has room for", () => {
    const operations = [{ type: "ADD", section: "OTHERS", content: "x".repeat(4001) }];
    const read = readOperations({ reasoning: "r", operations });
    assert(Result.isFailure(read));
    assert.include(read.failure, "at most 4000 characters");
  });
});

describe("replies that mean harm", () => {
  it("every reader is total and takes linear time, when replies are hostile", () => {
    const random = makeRandom("json-garbage");
    const pieces = [
      ...'{ } [ ] " \\ , : null ```json ``` "id": "tag": "sai-00001" "helpful"'.split(" "),
      '"bullet_tags"',
      '"__proto__"',
      "\ud800",
      "\0",
    ];
    for (let round = 0; round < 5000; round++) {
      const text = Array.from({ length: random.int(30) }, () => random.pick(pieces)).join(
        random.pick(["", " "]),
      );
      const found = findJson(text);
      extractTags(text, found);
      readOperations(found?.value);
    }
    // Anything worse than linear would run into the time limit of the test.
    for (const piece of ["{", "[", '{"a":', "```json", '"id"', '"id": "a-00001", ', '{"', "\\"]) {
      const text = piece.repeat(100_000);
      extractTags(text, findJson(text));
    }
    extractTags(`"id"${" ".repeat(400_000)}`);
  });
});
