import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { applyOperations } from "./operations.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";
import { type PlaybookState, emptyState } from "./state.ts";

const state = applyOperations({ ...emptyState, updateCount: 4 }, [
  { _tag: "Add", section: "general", text: "x \ud800 y" },
]).state;
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe("decodeSnapshot()", () => {
  it.effect("decodeSnapshot() gives back every key and counter, when keys are odd", () =>
    Effect.gen(function* () {
      const playbooks = new Map<string, PlaybookState>([
        ["global", state],
        ["__proto__", emptyState],
        ["10", emptyState],
        ["", emptyState],
      ]);
      const decoded = yield* decodeSnapshot(encodeSnapshot(playbooks));
      assert.deepStrictEqual(
        [...decoded].toSorted(([a], [b]) => (a < b ? -1 : 1)),
        [...playbooks].toSorted(([a], [b]) => (a < b ? -1 : 1)),
      );
    }),
  );

  it("encodeSnapshot() gives equal bytes for equal states, whatever the order of their fields", () => {
    const { entries, version, updateCount, nextId } = state;
    assert.deepStrictEqual(
      encodeSnapshot(new Map([["a", { version, nextId, updateCount, entries }]])),
      encodeSnapshot(new Map([["a", state]])),
    );
  });

  it("encodeSnapshot() gives equal bytes for equal states, whatever the order of the keys", () => {
    assert.deepStrictEqual(
      encodeSnapshot(
        new Map([
          ["a", state],
          ["b", emptyState],
        ]),
      ),
      encodeSnapshot(
        new Map([
          ["b", emptyState],
          ["a", state],
        ]),
      ),
    );
  });

  it.effect.each([
    ["no JSON", new TextEncoder().encode("nope"), "resd-playbooks/1"],
    ["another format", bytes({ format: "x", playbooks: [] }), "resd-playbooks/1"],
    [
      "a bad counter",
      bytes({ format: "resd-playbooks/1", playbooks: [{ key: "k", ...state, nextId: 0 }] }),
      "nextId",
    ],
    [
      "an id that would come again",
      bytes({ format: "resd-playbooks/1", playbooks: [{ key: "k", ...state, nextId: 1 }] }),
      'nextId above 1, got 1, at playbook "k"',
    ],
    [
      "an id twice",
      bytes({
        format: "resd-playbooks/1",
        playbooks: [{ key: "k", ...state, entries: [...state.entries, ...state.entries] }],
      }),
      "every entry id once, got 2 entries with 1 ids",
    ],
  ] as const)("decodeSnapshot() refuses %s", ([, snapshot, reason]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(decodeSnapshot(snapshot));
      assert.strictEqual(error._tag, "PlaybookError");
      assert.include(error.message, reason);
    }),
  );
});
