import { Result } from "effect";
import { assert, describe, it } from "vitest";
import { editOperations, playbookDifference } from "./difference.ts";
import { applyOperations } from "./operations.ts";
import { parsePlaybook, renderPlaybook } from "./render.ts";
import { emptyState } from "./state.ts";
import { applyTags } from "./tagging.ts";

const before = applyOperations(emptyState, [
  { _tag: "Add", section: "others", text: "a" },
  { _tag: "Add", section: "others", text: "b" },
  { _tag: "Add", section: "others", text: "c" },
  { _tag: "Add", section: "others", text: "d" },
]).state;
const after = applyOperations(applyTags(before, [{ entry: "misc-00001", sign: "helpful" }]).state, [
  { _tag: "Delete", entry: "misc-00002" },
  { _tag: "Update", entry: "misc-00003", text: "c, better" },
  { _tag: "Add", section: "others", text: "e" },
]).state;

describe("playbookDifference", () => {
  it("playbookDifference() tells what came, went, was rewritten and was credited", () => {
    const difference = playbookDifference(before.entries, after.entries);
    assert.deepEqual(
      difference.added.map(({ text }) => text),
      ["e"],
    );
    assert.deepEqual(
      difference.removed.map(({ text }) => text),
      ["b"],
    );
    assert.deepEqual(
      difference.rewritten.map((pair) => [pair.before.text, pair.after.text]),
      [["c", "c, better"]],
    );
    assert.deepEqual(
      difference.credited.map((pair) => [pair.after.text, pair.after.helpful]),
      [["a", 1]],
    );
    assert.strictEqual(difference.same, 1);
  });

  it("playbookDifference() knows entries again by their words, between strangers", () => {
    const stranger = applyOperations({ ...emptyState, nextId: 50 }, [
      { _tag: "Add", section: "others", text: "b" },
      { _tag: "Add", section: "others", text: "x" },
    ]).state;
    const { added, removed, same } = playbookDifference(before.entries, stranger.entries, "text");
    assert.deepEqual(
      added.map(({ text }) => text),
      ["x"],
    );
    assert.deepEqual(
      removed.map(({ text }) => text),
      ["a", "c", "d"],
    );
    assert.strictEqual(same, 1);
  });

  it("playbookDifference() pairs words that stand there more than once one by one", () => {
    const twice = applyOperations(emptyState, [
      { _tag: "Add", section: "others", text: "a" },
      { _tag: "Add", section: "others", text: "a" },
    ]).state.entries;
    const grown = playbookDifference(twice.slice(0, 1), twice, "text");
    assert.deepEqual([grown.added.map(({ id }) => id), grown.same], [["misc-00002"], 1]);
    const shrunk = playbookDifference(twice, twice.slice(0, 1), "text");
    assert.deepEqual([shrunk.removed.map(({ id }) => id), shrunk.same], [["misc-00002"], 1]);
  });
});

describe("editOperations", () => {
  const edited = (change: (text: string) => string) =>
    editOperations(before.entries, parsePlaybook(change(renderPlaybook(before.entries))));

  it("editOperations() makes of a playbook what was written", () => {
    const operations = edited((text) =>
      text
        .replace(/^\[misc-00002\].*\n/m, "")
        .replace(":: c", ":: c, better")
        .concat("\n[x] helpful=0 harmful=0 :: e\n[calc-00077] helpful=3 harmful=1 :: f"),
    );
    assert.deepEqual(
      operations,
      Result.succeed([
        { _tag: "Delete" as const, entry: "misc-00002" },
        { _tag: "Update" as const, entry: "misc-00003", text: "c, better" },
        { _tag: "Add" as const, section: "OTHERS", text: "e" },
        {
          _tag: "Import" as const,
          entries: [{ id: "calc-00077", section: "OTHERS", text: "f", helpful: 3, harmful: 1 }],
        },
      ]),
    );
    assert.deepEqual(
      edited((text) => text),
      Result.succeed([]),
    );
  });

  it("editOperations() refuses to rewrite history", () => {
    const counts = edited((text) => text.replace("helpful=0", "helpful=9"));
    assert(Result.isFailure(counts));
    assert.include(counts.failure, "Expected counts and section of misc-00001 as they are");
    const moved = editOperations(
      before.entries,
      parsePlaybook(renderPlaybook(before.entries)).map((entry) => ({
        ...entry,
        section: "FORMULAS & CALCULATIONS",
      })),
    );
    assert.isTrue(Result.isFailure(moved));
  });
});
