import { assert, describe, it } from "vitest";
import { openDatabase, query } from "../database/open.ts";
import { drawRows } from "../database/rows.ts";
import { candidates } from "./candidates.ts";

const SEEDS = [1, 2];

describe("candidates()", () => {
  it("candidates() have queries that run on both databases, and most answers differ between them", () => {
    for (const seed of SEEDS) {
      const shown = openDatabase(drawRows(seed, "shown"));
      const hidden = openDatabase(drawRows(seed, "hidden"));
      let telling = 0;
      const all = [...candidates(seed, "train"), ...candidates(seed, "test")];
      for (const { sql, text } of all) {
        const here = query(shown, sql, 500, 100_000);
        const there = query(hidden, sql, 500, 100_000);
        if (here._tag === "error" || there._tag === "error") {
          assert.fail(`${text}\n${sql}\n${JSON.stringify([here, there])}`);
        }
        if (JSON.stringify(here.rows) !== JSON.stringify(there.rows)) telling++;
      }
      assert.isAbove(telling / all.length, 0.85);
      shown.close();
      hidden.close();
    }
  });

  it("candidates() of a split are the same for every seed, in another order, and none is in both", () => {
    const texts = (seed: number, split: "train" | "test") =>
      candidates(seed, split).map(({ text }) => text);
    assert.notDeepEqual(texts(1, "train"), texts(2, "train"));
    assert.deepStrictEqual(texts(1, "train").toSorted(), texts(2, "train").toSorted());
    assert.deepStrictEqual(texts(1, "test"), texts(1, "test"));
    const train = new Set(texts(1, "train"));
    assert.strictEqual(train.size, texts(1, "train").length);
    assert.isEmpty(texts(2, "test").filter((text) => train.has(text)));
    const forms = (split: "train" | "test") =>
      new Set(candidates(1, split).map(({ template }) => template));
    assert.deepStrictEqual(forms("test"), forms("train"));
    assert.isAtLeast(forms("train").size, 30);
  });

  it("candidates() begin with one question of every form", () => {
    const first = candidates(1, "train").slice(0, 30);
    assert.strictEqual(new Set(first.map(({ template }) => template)).size, 30);
  });
});
