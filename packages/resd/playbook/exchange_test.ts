import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { importOf, readPlaybooks, stateOfView } from "./exchange.ts";
import { applyOperations } from "./operations.ts";
import { renderPlaybook } from "./render.ts";
import { encodeSnapshot } from "./snapshot.ts";
import { emptyState, viewOf } from "./state.ts";
import { applyTags } from "./tagging.ts";

const added = applyOperations({ ...emptyState, updateCount: 3 }, [
  { _tag: "Add", section: "others", text: "last" },
  { _tag: "Add", section: "FORMULAS & CALCULATIONS", text: "first" },
]).state;
const state = applyTags(added, [{ entry: "misc-00001", sign: "helpful" }]).state;
const plain = (entries: typeof state.entries) =>
  entries.map(({ id, section, text, helpful, harmful }) => [id, section, text, helpful, harmful]);

describe("readPlaybooks", () => {
  it.effect("readPlaybooks() reads the text form back, with ids and credit", () =>
    Effect.gen(function* () {
      const read = (yield* readPlaybooks(renderPlaybook(state.entries), "mine")).get("mine");
      assert.deepStrictEqual(plain(read?.entries ?? []), plain(state.entries));
      assert.strictEqual(read?.nextId, 3);
      assert.deepStrictEqual(
        read?.entries[0]?.origins?.map(({ made, by }) => [made, by]),
        [["imported", "person"]],
      );
      assert.deepStrictEqual((yield* readPlaybooks(renderPlaybook([]))).get("global")?.entries, []);
    }),
  );

  it.effect("readPlaybooks() reads snapshots and steps of a run", () =>
    Effect.gen(function* () {
      const snapshot = new TextDecoder().decode(encodeSnapshot(new Map([["k", state]])));
      assert.deepStrictEqual((yield* readPlaybooks(snapshot)).get("k"), state);
      const step = JSON.stringify({ update: 7, playbooks: { k: viewOf(state) } });
      assert.deepStrictEqual((yield* readPlaybooks(step)).get("k"), stateOfView(viewOf(state)));
    }),
  );

  it.effect("readPlaybooks() refuses anything else, and says what it expected", () =>
    Effect.gen(function* () {
      for (const text of ["", "Dear diary", "{", '{"format": "x"}', "# Notes\n- a"]) {
        const error = yield* Effect.flip(readPlaybooks(text));
        assert.match(error.message, /^Expected a (playbook|snapshot)/, text);
      }
    }),
  );

  it("importOf() carries a playbook over, whole into an empty one and beside what is there", () => {
    const fresh = applyOperations(emptyState, [importOf(state.entries)]).state;
    assert.deepStrictEqual(plain(fresh.entries), plain(state.entries));
    assert.deepStrictEqual(
      fresh.entries[1]?.origins?.map(({ made }) => made),
      ["added", "imported"],
    );
    const beside = applyOperations(state, [importOf(state.entries)]).state;
    assert.deepStrictEqual(
      beside.entries.map(({ id }) => id),
      ["calc-00002", "calc-00003", "misc-00001", "misc-00004"],
    );
  });
});
