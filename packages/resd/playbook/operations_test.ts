import type { Operation } from "@resd/core";
import { assert, describe, it } from "vitest";
import { applyOperations, lessonText } from "./operations.ts";
import { type PlaybookState, emptyState } from "./state.ts";
import { applyTags } from "./tagging.ts";

const add = (section: string, text: string): Operation => ({ _tag: "Add", section, text });
const texts = (state: PlaybookState) => state.entries.map((entry) => entry.text);
const ids = (state: PlaybookState) => state.entries.map((entry) => entry.id);
const filled = applyOperations({ ...emptyState, updateCount: 3 }, [
  add("others", "last"),
  add("FORMULAS & CALCULATIONS", "first"),
  add("others", "very last"),
]).state;

describe("applyOperations()", () => {
  it("applyOperations() keeps the order of sections, when additions come in another", () => {
    assert.deepEqual(texts(filled), ["first", "last", "very last"]);
    assert.deepEqual(ids(filled), ["calc-00002", "misc-00001", "misc-00003"]);
    assert.strictEqual(filled.nextId, 4);
    assert.isTrue(filled.entries.every((entry) => entry.createdAt === 3));
    assert.isTrue(filled.entries.every((entry) => entry.lastTaggedAt === 3));
  });

  it("applyOperations() puts general entries of one call below the header, in their order", () => {
    const { state } = applyOperations(filled, [
      add("general", "a"),
      add("others", "z"),
      add("General", "b"),
    ]);
    assert.deepEqual(texts(state), ["first", "a", "b", "last", "very last", "z"]);
    const again = applyOperations(state, [add("general", "c")]).state;
    assert.deepEqual(texts(again), ["first", "c", "a", "b", "last", "very last", "z"]);
    assert.match(ids(again)[1] ?? "", /^gene-0000\d$/);
  });

  it("applyOperations() never gives an id twice, when entries were deleted", () => {
    const emptied = applyOperations(
      filled,
      filled.entries.map(({ id }): Operation => ({ _tag: "Delete", entry: id })),
    ).state;
    assert.deepEqual(emptied.entries, []);
    assert.deepEqual(ids(applyOperations(emptied, [add("others", "new")]).state), ["misc-00004"]);
  });

  it("applyOperations() leaves out ids that it does not know and lessons without words", () => {
    const { state, changes } = applyOperations(filled, [
      { _tag: "Delete", entry: "misc-00099" },
      { _tag: "Update", entry: "misc-00099", text: "x" },
      { _tag: "Merge", entries: ["misc-00099"], text: "x" },
      { _tag: "Update", entry: "calc-00002", text: "first" },
      { _tag: "Update", entry: "calc-00002", text: " \n " },
      add("others", " \n "),
    ]);
    assert.strictEqual(state, filled);
    assert.deepEqual(changes, []);
  });

  it("applyOperations() keeps the credit of an updated entry and records its former text", () => {
    const tagged = applyTags(filled, [{ entry: "calc-00002", sign: "helpful" }]).state;
    const { state, changes } = applyOperations(tagged, [
      { _tag: "Update", entry: "calc-00002", text: "better" },
    ]);
    assert.deepInclude(state.entries[0], { text: "better", helpful: 1, createdAt: 3 });
    assert.strictEqual(state.version, tagged.version + 1);
    assert.deepEqual(
      changes.map((change) => (change._tag === "Updated" ? change.before : change._tag)),
      ["first"],
    );
  });

  it("applyOperations() sums the credit of merged entries in the first one named", () => {
    const later = { ...filled, updateCount: 9 };
    const tagged = applyTags(later, [
      { entry: "misc-00001", sign: "helpful" },
      { entry: "misc-00003", sign: "harmful" },
    ]).state;
    const { state, changes } = applyOperations(tagged, [
      { _tag: "Merge", entries: ["misc-00003", "misc-00001", "misc-00042"], text: "both" },
    ]);
    assert.deepEqual(ids(state), ["calc-00002", "misc-00003"]);
    assert.deepInclude(state.entries[1], {
      text: "both",
      helpful: 1,
      harmful: 1,
      createdAt: 3,
      lastTaggedAt: 9,
    });
    assert.deepEqual(
      changes.map((change) => change._tag),
      ["Updated", "Removed"],
    );
  });

  it("lessonText() makes one well-formed line of anything", () => {
    assert.strictEqual(lessonText("  a \r\n\n  b\u2028c\v d  "), "a b c d");
    assert.isTrue(lessonText("x\ud800y").isWellFormed());
    assert.strictEqual(lessonText("a\0b"), "ab");
  });
});
