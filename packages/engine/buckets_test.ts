import { assert, describe, it } from "@effect/vitest";
import {
  capacityBucket,
  evenRows,
  fullRows,
  gatherBucket,
  halvedRows,
  lengthBucket,
} from "./buckets.ts";

const sizes = (of: (n: number) => number, most: number): ReadonlyArray<number> => [
  ...new Set(Array.from({ length: most }, (_, i) => of(i + 1))),
];

describe("buckets", () => {
  it("lengthBucket() doubles its steps so that lengths stay few and padding small", () => {
    assert.deepStrictEqual(
      sizes(lengthBucket, 256),
      [16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256],
    );
    assert.deepStrictEqual(
      sizes((n) => lengthBucket(n, 32), 256),
      [32, 64, 96, 128, 160, 192, 224, 256],
    );
    for (let n = 129; n < 5000; n++) assert.isBelow(lengthBucket(n) - n, n / 4);
  });

  it("fullRows() fills the budget, and one row always fits", () => {
    assert.strictEqual(fullRows(96, 2048), 20);
    assert.strictEqual(fullRows(300, 2048), 6);
    assert.strictEqual(fullRows(4096, 2048), 1);
  });

  it("halvedRows() gives one width a handful of sizes", () => {
    assert.deepStrictEqual(
      sizes((rows) => halvedRows(rows, 96, 2048), 20),
      [1, 2, 3, 5, 10, 20],
    );
    assert.strictEqual(halvedRows(3, 4096, 2048), 3);
  });

  it("evenRows() keeps small batches exact and rounds others to multiples of four", () => {
    assert.deepStrictEqual(sizes(evenRows, 24), [1, 2, 3, 4, 6, 8, 12, 16, 20, 24]);
  });

  it("gatherBucket() is at most all positions and holds the rows", () => {
    for (const positions of [1, 5, 16, 96, 960]) {
      for (let rows = 1; rows <= positions; rows++) {
        const size = gatherBucket(rows, positions);
        assert.isTrue(size >= rows && size <= positions);
      }
      assert.isAtMost(sizes((rows) => gatherBucket(rows, positions), positions).length, 5);
    }
  });

  it("capacityBucket() grows by 32, then by halves of an octave", () => {
    assert.deepStrictEqual(sizes(capacityBucket, 600), [32, 64, 96, 128, 192, 256, 384, 512, 768]);
  });
});
