import { assert, describe, it } from "@effect/vitest";
import { weightsHash } from "./version.ts";

/** The digest of a set of weights, in the order of their names. */
const digestOf = (set: ReadonlyMap<string, ArrayBufferView>): string => {
  const hash = weightsHash();
  for (const name of [...set.keys()].toSorted()) hash.add(name, set.get(name)!);
  return hash.digest();
};

const weights = (): Map<string, Float32Array> =>
  new Map([
    ["b", Float32Array.of(1, 2, 3)],
    ["a", Float32Array.of(0, -0.5)],
  ]);

describe("weightsHash", () => {
  it("is the same for the same names and bits, whatever their order and place in memory", () => {
    const version = digestOf(weights());
    assert.match(version, /^[0-9a-f]{32}$/u);
    assert.strictEqual(digestOf(new Map([...weights()].toReversed())), version);
    const shifted = new Uint8Array(13);
    shifted.set(new Uint8Array(Float32Array.of(1, 2, 3).buffer), 1);
    const moved = new Map<string, ArrayBufferView>(weights());
    moved.set("b", shifted.subarray(1));
    assert.strictEqual(digestOf(moved), version);
  });

  it("changes with any bit, name, order of values, or border between tensors", () => {
    const changes: ReadonlyArray<(w: Map<string, Float32Array>) => void> = [
      (w) => (w.get("a")![0] = -0),
      (w) => (w.get("b")![2] = 3.0000002),
      (w) => w.set("b", w.get("b")!.toReversed()),
      (w) => w.set("c", w.get("b")!).delete("b"),
      (w) => w.set("a", Float32Array.of(0)).set("b", Float32Array.of(-0.5, 1, 2, 3)),
    ];
    const versions = changes.map((change) => {
      const changed = weights();
      change(changed);
      return digestOf(changed);
    });
    assert.strictEqual(new Set([digestOf(weights()), ...versions]).size, changes.length + 1);
  });
});
