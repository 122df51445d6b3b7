import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import {
  CONVENTIONS,
  conventionAt,
  conventionOf,
  pairingsOf,
  randomConvention,
} from "./convention.ts";
import { MNEMONICS, OPERATIONS, groupOf } from "./operations.ts";

describe("conventionAt", () => {
  it("conventionAt() gives a bijection that keeps the groups, for any index", () => {
    const random = makeRandom("conventions");
    for (let i = 0; i < 200; i++) {
      const { mnemonicOf, operationOf } = randomConvention(random);
      for (const operation of OPERATIONS) {
        assert.strictEqual(operationOf[mnemonicOf[operation]], operation);
        assert.strictEqual(groupOf(mnemonicOf[operation]), groupOf(operation));
      }
      assert.strictEqual(new Set(Object.values(mnemonicOf)).size, MNEMONICS.length);
    }
  });

  it("conventionAt() gives another convention for every one of its 331,776 indexes", () => {
    assert.strictEqual(CONVENTIONS, 331_776);
    const seen = new Set<string>();
    const stride = 83; // a prime that meets all orders of all groups
    for (let index = 0; index < CONVENTIONS; index += stride) {
      seen.add(Object.values(conventionAt(index).mnemonicOf).join(""));
    }
    assert.strictEqual(seen.size, Math.ceil(CONVENTIONS / stride));
  });

  it("conventionAt() throws outside its range", () => {
    for (const index of [-1, CONVENTIONS, 0.5, Number.NaN]) {
      assert.throws(() => conventionAt(index), /Expected a convention index in 0\.\.331775/);
    }
  });
});

describe("conventionOf", () => {
  it("conventionOf() is the same for the same seed, and differs between seeds", () => {
    assert.deepStrictEqual(conventionOf(7), conventionOf(7));
    const indexes = Array.from({ length: 100 }, (_, seed) => conventionOf(seed).index);
    assert.isAbove(new Set(indexes).size, 98);
  });

  it("conventionOf() of a seed never changes: chips of old runs stay what they were", () => {
    assert.deepStrictEqual(
      [0, 1, 2, 3].map((seed) => conventionOf(seed).index),
      [242_169, 254_102, 276_385, 141_208],
    );
  });

  it("randomConvention() gives every mnemonic to every operation of its group equally often", () => {
    const random = makeRandom("uniform");
    const counts = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      for (const text of pairingsOf(randomConvention(random))) {
        counts.set(text, (counts.get(text) ?? 0) + 1);
      }
    }
    assert.strictEqual(counts.size, 64);
    for (const count of counts.values()) assert.closeTo(count, 1000, 120);
  });
});
