import { type ConciseRule, type Entry, makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { concise, conciseDue } from "./concise.ts";
import { type PlaybookState, viewOf } from "./state.ts";

/** `helpful/harmful@lastTaggedAt` for each entry of a playbook at an update. */
const playbookAt = (updateCount: number, ...marks: ReadonlyArray<string>): PlaybookState => ({
  entries: marks.map((mark, i): Entry => {
    const [helpful = 0, harmful = 0, lastTaggedAt = 0] = mark.split(/[/@]/).map(Number);
    return {
      id: `misc-${String(i + 1).padStart(5, "0")}`,
      section: "OTHERS",
      text: `lesson ${i + 1}`,
      helpful,
      harmful,
      createdAt: 0,
      lastTaggedAt,
    };
  }),
  nextId: marks.length + 1,
  updateCount,
  version: 1,
});
const reasons = (state: PlaybookState, rule: ConciseRule, seed = 1) =>
  concise(state, rule, seed).removals.map(
    ({ entry, reason }) => `${Number(entry.id.slice(-5))} ${reason}`,
  );
const kestrel = { method: "staleness", window: 40, every: 4, cap: 20 } as const;

describe("concise()", () => {
  it("concise() says why each entry left, in playbook order", () => {
    const state = playbookAt(50, "0/0@9", "1/1@50", "0/0@10", "2/0@1", "3/0@2", "4/0@3");
    assert.deepEqual(reasons(state, { method: "staleness", window: 40, cap: 3 }), [
      "1 stale",
      "2 harmful",
      "4 cap",
    ]);
    assert.deepEqual(reasons(state, { method: "prioritized", window: 40 }), [
      "1 unused",
      "2 harmful",
      "3 unused",
    ]);
    assert.strictEqual(reasons(state, { method: "reset", window: 40 }).length, 6);
  });

  it("concise() drops an unused entry only when it is older than the window", () => {
    const rule = { method: "staleness", window: 40 } as const;
    assert.deepEqual(reasons(playbookAt(40, "0/0@0"), rule), []);
    assert.deepEqual(reasons(playbookAt(41, "0/0@0"), rule), ["1 stale"]);
    assert.deepEqual(reasons(playbookAt(41, "1/0@0"), rule), []);
  });

  it("concise() breaks ties by its seed alone, and every tied entry can leave", () => {
    const state = playbookAt(9, ...Array.from({ length: 8 }, () => "1/0@5"), "1/0@6");
    const rule = { method: "staleness", window: 40, cap: 6 } as const;
    const seen = new Set<string>();
    for (let seed = 0; seed < 200; seed++) {
      const gone = reasons(state, rule, seed);
      assert.strictEqual(gone.length, 3);
      assert.deepEqual(gone, reasons(state, rule, seed));
      for (const line of gone) seen.add(line);
    }
    assert.strictEqual(seen.size, 8);
    assert.isFalse(seen.has("9 cap"));
  });

  it("concise() chooses uniformly among helpful entries, when prioritized meets its cap", () => {
    const state = playbookAt(9, "9/0@9", "1/0@1", "5/2@3", "2/0@8");
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 2000; seed++) {
      for (const line of reasons(state, { method: "prioritized", window: 1, cap: 3 }, seed)) {
        counts.set(line, (counts.get(line) ?? 0) + 1);
      }
    }
    assert.strictEqual(counts.size, 4);
    for (const count of counts.values()) assert.closeTo(count, 500, 90);
  });

  it("concise() changes nothing, not even the version, when nothing has to leave", () => {
    const state = playbookAt(9, "1/0@5");
    const result = concise(state, { method: "staleness", window: 1, cap: 1 }, 0);
    assert.strictEqual(result.state, state);
    assert.deepEqual(result.changes, []);
  });

  it("concise() never keeps more than the cap nor drops below it for its sake", () => {
    const random = makeRandom("concise-property");
    for (let round = 0; round < 500; round++) {
      const state = playbookAt(
        random.int(60),
        ...Array.from(
          { length: random.int(12) },
          () => `${random.int(4)}/${random.int(4)}@${random.int(60)}`,
        ),
      );
      const cap = 1 + random.int(8);
      const rule = { method: "staleness", window: random.int(50), cap } as const;
      const { state: after, removals } = concise(state, rule, round);
      assert.isAtMost(after.entries.length, cap);
      const capped = removals.filter((removal) => removal.reason === "cap");
      if (capped.length > 0) assert.strictEqual(after.entries.length, cap);
      const youngest = Math.min(...after.entries.map((entry) => entry.lastTaggedAt));
      for (const { entry } of capped) assert.isAtMost(entry.lastTaggedAt, youngest);
    }
  });
});

describe("conciseDue()", () => {
  const grown = Array.from({ length: 21 }, () => "1/0@1");
  it("conciseDue() fires at multiples of `every`, without the cap, and not before any update", () => {
    assert.isUndefined(conciseDue(kestrel, viewOf(playbookAt(0, "1/0@0"))));
    assert.isUndefined(conciseDue(kestrel, viewOf(playbookAt(3, "1/0@0"))));
    assert.deepEqual(conciseDue(kestrel, viewOf(playbookAt(8, "1/0@0"))), {
      method: "staleness",
      window: 40,
    });
  });

  it("conciseDue() brings the cap in, when the playbook has outgrown it", () => {
    assert.deepEqual(conciseDue(kestrel, viewOf(playbookAt(3, ...grown))), {
      method: "staleness",
      window: 40,
      cap: 20,
    });
    assert.isUndefined(conciseDue(kestrel, viewOf(playbookAt(3, ...grown.slice(1)))));
  });

  it("conciseDue() is never due, when neither interval nor cap is set", () => {
    assert.isUndefined(
      conciseDue({ method: "staleness", window: 1 }, viewOf(playbookAt(4, ...grown))),
    );
  });
});
