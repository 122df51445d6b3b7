import type { Cause, HistoryLine, Operation, Tag } from "@resd/core";
import { assert, describe, it } from "vitest";
import { applyOperations } from "./operations.ts";
import { creditOf, replayHistory } from "./provenance.ts";
import { type PlaybookState, type Transition, advance, emptyState } from "./state.ts";
import { historyLines } from "./store.ts";
import { applyTags } from "./tagging.ts";

/** Makes changes one after another and keeps their history. */
const story = () => {
  const lines: Array<HistoryLine> = [];
  let state: PlaybookState = emptyState;
  const take = (attempt: string, step: (state: PlaybookState, cause: Cause) => Transition) => {
    const cause: Cause = { update: lines.length, by: "curator", attempt };
    const made = step(state, cause);
    lines.push(...historyLines("global", cause, made));
    state = made.state;
  };
  return {
    lines,
    apply: (attempt: string, ...operations: ReadonlyArray<Operation>) =>
      take(attempt, (before, cause) => applyOperations(before, operations, cause)),
    tag: (attempt: string, ...tags: ReadonlyArray<Tag>) =>
      take(attempt, (before) => applyTags(before, tags)),
    advance: () => take("-", advance),
    state: () => state,
  };
};
const add = (text: string, section = "others"): Operation => ({ _tag: "Add", section, text });
const helpful = (entry: string): Tag => ({ entry, sign: "helpful" });

describe("replayHistory", () => {
  it("replayHistory() comes to what the playbook is, in its order", () => {
    const { apply, tag, advance: next, lines, state } = story();
    apply("a", add("one"), add("two", "FORMULAS & CALCULATIONS"), add("three"));
    tag("b", helpful("misc-00001"), { entry: "calc-00002", sign: "harmful" });
    next();
    apply("c", { _tag: "Delete", entry: "misc-00003" }, add("four"));
    const { entries, updateCount } = replayHistory(lines);
    assert.deepEqual(entries, state().entries);
    assert.strictEqual(updateCount, 1);
    assert.deepEqual(replayHistory([]).entries, []);
  });
});

describe("creditOf", () => {
  it("creditOf() follows an entry through merges, and counts nothing that came before by accident", () => {
    const { apply, tag, lines } = story();
    apply("a", add("one"), add("two"), add("three"), add("four"));
    tag("b", helpful("misc-00001"), helpful("misc-00002"), helpful("misc-00004"));
    apply("c", { _tag: "Merge", entries: ["misc-00002", "misc-00003"], text: "two, three" });
    tag("d", helpful("misc-00002"));
    apply(
      "e",
      { _tag: "Merge", entries: ["misc-00001", "misc-00002"], text: "all" },
      { _tag: "Merge", entries: ["misc-00004"], text: "FOUR" },
    );
    tag("f", { entry: "misc-00001", sign: "harmful" });
    assert.deepEqual(
      creditOf(lines, "misc-00001").map(({ entry, sign, cause }) => [entry, sign, cause.attempt]),
      [
        ["misc-00001", "helpful", "b"],
        ["misc-00002", "helpful", "b"],
        ["misc-00002", "helpful", "d"],
        ["misc-00001", "harmful", "f"],
      ],
    );
    assert.lengthOf(creditOf(lines, "misc-00004"), 1);
    assert.deepEqual(creditOf(lines, "nobody"), []);
  });
});
