import { assert, describe, it } from "vitest";
import { decodeBF16, decodeF16, encodeBF16, encodeF16 } from "./half.ts";

const every = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);
const bitsOf = (value: number): number => {
  float[0] = value;
  return word[0]!;
};

/** The value of an f16 from the definition, in f64. */
const f16Value = (half: number): number => {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

/** Candidates around every rounding decision: each f16, the midpoint to the next, and one ulp to either side. */
const probes = (): Float32Array => {
  const list: Array<number> = [];
  for (let half = 0; half < 0x7c00; half++) {
    const low = f16Value(half);
    const middle = (low + (half === 0x7bff ? 65536 : f16Value(half + 1))) / 2;
    const bits = bitsOf(middle);
    for (const near of [bits - 1, bits, bits + 1]) {
      word[0] = near;
      list.push(float[0]!, -float[0]!);
    }
  }
  return Float32Array.from(list);
};

describe("decodeF16", () => {
  it("decodeF16() gives the defined value of all 65536 patterns, subnormals and infinities included", () => {
    const values = new Float32Array(every.length);
    decodeF16(every, values);
    for (const half of every) assert.isTrue(Object.is(values[half], f16Value(half)), `${half}`);
  });
  it("decodeF16() writes from the given element on, into views", () => {
    const backing = new Float32Array(6);
    decodeF16(Uint16Array.of(0x3c00, 0xc000), backing.subarray(1), 2);
    assert.deepStrictEqual([...backing], [0, 0, 0, 1, -2, 0]);
  });
});

describe("encodeF16", () => {
  it("encodeF16() gives back all 65536 patterns, NaN payloads included", () => {
    const values = new Float32Array(every.length);
    decodeF16(every, values);
    assert.deepStrictEqual(encodeF16(values), every);
  });
  it("encodeF16() rounds to nearest with ties to even at every midpoint", () => {
    const values = probes();
    const halves = encodeF16(values);
    for (const [i, value] of values.entries()) {
      const sign = value < 0 ? 0x8000 : 0;
      const size = Math.abs(value);
      let low = 0;
      let high = 0x7c00;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (f16Value(middle) <= size) low = middle;
        else high = middle;
      }
      const top = high === 0x7c00 ? 65536 : f16Value(high);
      const down = size - f16Value(low);
      const up = top - size;
      const nearest = down < up ? low : up < down ? high : low % 2 === 0 ? low : high;
      assert.strictEqual(halves[i], sign | nearest, `${value}`);
    }
  });
  it("encodeF16() keeps NaN a NaN when its payload does not fit", () => {
    const values = new Float32Array(new Uint32Array([0x7f800001, 0xff800001]).buffer);
    assert.deepStrictEqual([...encodeF16(values)], [0x7e00, 0xfe00]);
  });
  it("encodeF16() gives zero below half of the smallest subnormal, and infinity from 65520 on", () => {
    const values = Float32Array.of(2 ** -25, -(2 ** -26), 1e-45, 65519.99, 65520, 3e38, -Infinity);
    assert.deepStrictEqual([...encodeF16(values)], [0, 0x8000, 0, 0x7bff, 0x7c00, 0x7c00, 0xfc00]);
  });
});

describe("encodeBF16", () => {
  it("encodeBF16() gives back all 65536 patterns, NaN payloads included", () => {
    const values = new Float32Array(every.length);
    decodeBF16(every, values);
    assert.deepStrictEqual(encodeBF16(values), every);
  });
  it("encodeBF16() rounds to nearest, ties to even, and overflows to infinity", () => {
    const patterns = [
      [0x3f808000, 0x3f80],
      [0x3f818000, 0x3f82],
      [0x3f808001, 0x3f81],
      [0x3f807fff, 0x3f80],
      [0x7f7fffff, 0x7f80],
      [0x00008000, 0x0000],
      [0x00018000, 0x0002],
      [0x7f800001, 0x7fc0],
      [0xffc12345, 0xffc1],
    ] as const;
    const values = new Float32Array(Uint32Array.from(patterns, ([bits]) => bits).buffer);
    assert.deepStrictEqual(
      [...encodeBF16(values)],
      patterns.map(([, half]) => half),
    );
  });
});
