/** The playbook against vectors that were recorded from the paper's released code. */
import type { Entry, Tag } from "@resd/core";
import { assert, describe, it } from "vitest";
import golden from "../fixtures/concise-golden.json" with { type: "json" };
import { readTags } from "../format/json_reply.ts";
import { concise, conciseDue } from "./concise.ts";
import { applyOperations } from "./operations.ts";
import { parsePlaybook, renderPlaybook } from "./render.ts";
import { SECTIONS, sectionRank } from "./sections.ts";
import { type PlaybookState, emptyState, viewOf } from "./state.ts";
import { applyTags } from "./tagging.ts";

interface GoldenEntry {
  readonly id: string;
  readonly section: string;
  readonly helpful: number;
  readonly harmful: number;
  readonly content: string;
  readonly last_used: number | null;
}

/** An id that the recorded map lacks counts as last used at 0. */
const entryOf = ({ content, last_used, ...rest }: GoldenEntry): Entry => ({
  ...rest,
  text: content,
  createdAt: 0,
  lastTaggedAt: last_used ?? 0,
});

const stateOf = (
  entries: ReadonlyArray<GoldenEntry>,
  updateCount: number,
  nextId = 100,
): PlaybookState => ({
  entries: entries.map(entryOf).toSorted((a, b) => sectionRank(a.section) - sectionRank(b.section)),
  nextId,
  updateCount,
  version: 7,
});

const ids = (state: PlaybookState) => state.entries.map((entry) => entry.id);
const extra = (name: string) => {
  const found = golden.extra.find((item) => item.name === name);
  if (found === undefined) throw new Error(`Expected an extra named ${name} in the golden file`);
  return found;
};
type Method = "reset" | "prioritized" | "staleness";
const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

describe("concise() reproduces the released code", () => {
  const cases = golden.cases.filter((item) => item.kind === "concise");
  it("has all eight direct cases", () => assert.strictEqual(cases.length, 8));
  for (const item of cases) {
    it(`concise() agrees when ${item.name}: ${item.note}`, () => {
      const before = stateOf(item.entries, item.current_step ?? 0);
      if (item.input_playbook_text !== undefined) {
        assert.strictEqual(renderPlaybook(before.entries), item.input_playbook_text);
      }
      const rule = {
        method: item.method as Method,
        window: 1,
        ...(item.max_bullets === null ? {} : { cap: item.max_bullets }),
      };
      for (const seed of SEEDS) {
        const { state, removals } = concise(before, rule, seed);
        assert.sameOrderedMembers(ids(state), item.expected.surviving_ids);
        assert.strictEqual(removals.length, before.entries.length - state.entries.length);
        assert.strictEqual(renderPlaybook(state.entries), item.expected.playbook_text);
        assert.strictEqual(
          renderPlaybook(state.entries) === golden.empty_playbook,
          item.expected.equals_empty_playbook,
        );
        assert.strictEqual(state.nextId, before.nextId);
      }
    });
  }
});

describe("conciseDue() reproduces the released code", () => {
  const cases = golden.cases.filter((item) => item.kind === "maybe_concise");
  it("has all four trigger cases", () => assert.strictEqual(cases.length, 4));
  for (const item of cases) {
    it(`conciseDue() agrees when ${item.name}: ${item.note}`, () => {
      const before = stateOf(item.entries, item.update_count ?? 0);
      const rule = conciseDue(
        {
          method: item.method as Method,
          window: 1,
          every: item.concise_frequency ?? 1,
          cap: item.max_bullets ?? 1,
        },
        viewOf(before),
      );
      for (const seed of SEEDS) {
        const after = rule === undefined ? before : concise(before, rule, seed).state;
        assert.sameOrderedMembers(ids(after), item.expected.surviving_ids);
        assert.deepStrictEqual(
          Object.fromEntries(after.entries.map((entry) => [entry.id, entry.lastTaggedAt])),
          item.expected.last_used_after,
        );
      }
    });
  }
});

describe("the text form", () => {
  it("renderPlaybook() gives the recorded empty playbook for no entries", () => {
    assert.strictEqual(renderPlaybook([]), golden.empty_playbook);
    assert.sameOrderedMembers([...SECTIONS], golden.section_order);
  });

  it("parsePlaybook() reads every recorded text back", () => {
    for (const item of golden.cases) {
      if (item.input_playbook_text === undefined) continue;
      const expected = stateOf(item.entries, 0).entries.map(
        ({ id, section, text, helpful, harmful }) => ({ id, section, text, helpful, harmful }),
      );
      assert.deepStrictEqual(parsePlaybook(item.input_playbook_text), expected);
    }
  });
});

describe("tags and operations reproduce the released code", () => {
  it("applyTags() counts the last tag per id and leaves neutral ones and strangers alone", () => {
    const { tags, update_count, before, last_used_before, expected } = extra("tag_one_reflection");
    const counts = before as unknown as Record<string, readonly [number, number]>;
    const lastUsed = last_used_before as Record<string, number>;
    const state = stateOf(
      Object.entries(counts).map(([id, [helpful, harmful]]) => ({
        id,
        section: "OTHERS",
        helpful,
        harmful,
        content: "x",
        last_used: lastUsed[id] ?? null,
      })),
      update_count as number,
    );
    const read: ReadonlyArray<Tag> = readTags(tags);
    const after = applyTags(state, read).state;
    const want = expected as {
      counts: Record<string, readonly [number, number]>;
      last_used: Record<string, number>;
    };
    for (const entry of after.entries) {
      assert.deepStrictEqual([entry.helpful, entry.harmful], [...(want.counts[entry.id] ?? [])]);
      assert.strictEqual(entry.lastTaggedAt, want.last_used[entry.id]);
    }
  });

  it("applyOperations() builds the recorded playbook from nothing", () => {
    const { operations, next_id, expected } = extra("curate_from_empty");
    const adds = (operations as ReadonlyArray<Record<string, string>>).flatMap((operation) =>
      operation["type"] === "ADD"
        ? [
            {
              _tag: "Add" as const,
              section: operation["section"] ?? "",
              text: operation["content"] ?? "",
            },
          ]
        : [],
    );
    const { state } = applyOperations({ ...emptyState, nextId: next_id as number }, adds);
    const want = expected as { playbook_text: string; next_id: number };
    assert.strictEqual(renderPlaybook(state.entries), want.playbook_text);
    assert.strictEqual(state.nextId, want.next_id);
  });
});
