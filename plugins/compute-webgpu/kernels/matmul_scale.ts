/**
 * Scales of operands that are rounded to f16 on their way into a product. f16 ends at 65,504 and is exact down to 6·10⁻⁵, so
 * gradients would vanish in it. Each operand is multiplied by the power of two that brings its greatest magnitude to between
 * 2¹⁴ and 2¹⁵, which loses nothing, and the result is multiplied by the inverse: numbers down to 2⁻²⁸ of the greatest keep all
 * eleven bits, and nothing overflows, whatever the scale of the loss.
 */
import type { Side } from "../product.ts";
import type { Kernel, ValueId } from "../schedule.ts";
import type { Site } from "../site.ts";
import { Writer } from "../writer.ts";
import { combine } from "./reduce.ts";

/** The greatest magnitudes of pieces of each operand; undefined for one that is f16 already. */
export interface Scales {
  readonly left: Greatest | undefined;
  readonly right: Greatest | undefined;
}

interface Greatest {
  readonly value: ValueId;
  readonly pieces: number;
}

/** Most pieces of an operand, and threads that share one. */
const PIECES = 64;
const LANES = 256;

const greatestOf = (site: Site, { value }: Side): readonly [Greatest, ReadonlyArray<Kernel>] => {
  const size = site.size(value);
  const pieces = Math.max(1, Math.min(PIECES, Math.ceil(size / 4096)));
  const name = `greatest ${value}`;
  const known = site.memo.get(name);
  if (known !== undefined) return [{ value: known, pieces }, []];
  const result = site.scratch("greatest magnitude", pieces, "f32");
  site.memo.set(name, result);
  const writer = new Writer(site.target);
  writer.line(`if (group >= ${writer.u(pieces)}) { return; }`);
  const from = writer.buffer(value, "f32");
  writer.line("var own = 0.0;");
  writer.block(
    `for (var i = thread; i < ${writer.u(size)}; i += ${writer.u(pieces * LANES)})`,
    () => writer.line(`own = max(own, abs(${from}[i]));`),
  );
  combine(writer, LANES, "f32", "own", "max");
  const out = writer.buffer(result, "f32", "modify");
  writer.block("if (lane == 0u)", () => writer.line(`${out}[group] = shared_[0];`));
  return [
    { value: result, pieces },
    [writer.finish(`greatest magnitude of ${size}`, LANES, pieces)],
  ];
};

/** The scales of both operands, and the kernels that find them. */
export const scalesOf = (
  site: Site,
  [left, right]: readonly [Side, Side],
): readonly [Scales, ReadonlyArray<Kernel>] => {
  const kernels: Array<Kernel> = [];
  const scale = (side: Side): Greatest | undefined => {
    if (side.tensor.dtype === "f16") return undefined;
    const [greatest, before] = greatestOf(site, side);
    kernels.push(...before);
    return greatest;
  };
  const scales = { left: scale(left), right: scale(right) };
  return [scales, kernels];
};

/** The power of two for a greatest magnitude; of all zeros, and of what is not finite, some power. */
const SCALE = `fn scale_(greatest: f32) -> f32 {
  let exponent = clamp(i32((bitcast<u32>(greatest) >> 23u) & 255u) - 127, -86, 128);
  return bitcast<f32>(u32(141 - exponent) << 23u);
}`;

/** The inverse of a power of two, by its bits: quotients are rounded. */
const INVERSE = `fn inverse_(power: f32) -> f32 { return bitcast<f32>(0x7f000000u - bitcast<u32>(power)); }`;

/** Names of the factors of both sides, and sums freed from them. Exact: one factor after the other. */
export interface Factors {
  readonly 0: string;
  readonly 1: string;
  readonly restore: (sum: string) => string;
}

/** Reads the scales in a kernel; factors of 1 where there are none. */
export const scaledBy = (writer: Writer, scales: Scales | undefined): Factors => {
  const factor = (greatest: Greatest | undefined): string => {
    if (greatest === undefined) return "1.0";
    const name = writer.buffer(greatest.value, "f32");
    const most = writer.variable("f32", "0.0");
    writer.block(`for (var piece = 0u; piece < ${writer.u(greatest.pieces)}; piece++)`, () =>
      writer.line(`${most} = max(${most}, ${name}[piece]);`),
    );
    return writer.let(`${writer.helper("scale_", SCALE)}(${most})`);
  };
  const factors = [factor(scales?.left), factor(scales?.right)] as const;
  const inverses = factors
    .filter((name) => name !== "1.0")
    .map((name) => writer.let(`${writer.helper("inverse_", INVERSE)}(${name})`));
  return {
    ...factors,
    restore: (sum) => (inverses.length === 0 ? sum : writer.let([sum, ...inverses].join(" * "))),
  };
};
