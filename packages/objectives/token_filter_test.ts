import type { EntropyRank, TokenFilter } from "@resd/core";
import { assert, describe, it } from "vitest";
import { filterTokens } from "./token_filter.ts";

const mask = [1, 1, 0, 1, 1, 1];
const teacher = [0.1, 0.9, 5, 0.5, 0.3, 0];
const student = [0.2, 0.4, 0, 0.5, 1.3, 0];

const kept = (filter: TokenFilter, given = { student, teacher }): ReadonlyArray<number> =>
  Array.from(filterTokens(filter, mask, given));
const share = (size: number, by: EntropyRank): TokenFilter => ({
  _tag: "entropy-share",
  share: size,
  by,
});

describe("filterTokens()", () => {
  it.each<readonly [EntropyRank, ReadonlyArray<number>]>([
    ["teacher-high", [0, 1, 0, 1, 0, 0]],
    ["teacher-low", [1, 0, 0, 0, 0, 1]],
    ["student-high", [0, 0, 0, 1, 1, 0]],
    ["student-low", [1, 0, 0, 0, 0, 1]],
    ["absolute-difference", [0, 1, 0, 0, 1, 0]],
  ])("keeps two of five trained tokens at share 0.4, ranked by %s", (by, expected) => {
    assert.deepStrictEqual(kept(share(0.4, by)), expected);
  });

  it("keeps every token that ties with the last one kept", () => {
    assert.deepStrictEqual(kept(share(0.4, "difference")), [0, 1, 0, 1, 0, 1]);
    assert.deepStrictEqual(kept(share(0.6, "ratio")), [1, 1, 0, 1, 0, 0]);
  });

  it("rounds the share up, keeps one token at least, and all of them at share 1", () => {
    assert.deepStrictEqual(kept(share(0.41, "teacher-high")), [0, 1, 0, 1, 1, 0]);
    assert.deepStrictEqual(kept(share(1e-9, "teacher-high")), [0, 1, 0, 0, 0, 0]);
    assert.deepStrictEqual(kept(share(1, "teacher-high")), mask);
  });

  it("keeps only tokens where the teacher's entropy is the higher, none when there are none", () => {
    assert.deepStrictEqual(kept({ _tag: "entropy-gain" }), [0, 1, 0, 0, 0, 0]);
    const same = { student: teacher, teacher };
    assert.deepStrictEqual(kept({ _tag: "entropy-gain" }, same), [0, 0, 0, 0, 0, 0]);
  });

  it("leaves a sequence without trained tokens as it is", () => {
    const none = filterTokens(share(0.5, "teacher-high"), [0, 0], {
      student: [1, 2],
      teacher: [1, 2],
    });
    assert.deepStrictEqual(Array.from(none), [0, 0]);
  });
});
