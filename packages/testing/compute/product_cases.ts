/** The battery's products: sizes at which tiles, vectors and parts end, every layout, and what may follow a product. */
import { add, cast, matMul, mul, silu, type Tensor } from "@resd/tensor";
import { type BatteryCase, batteryCase, type Given } from "./battery.ts";

interface Sizes {
  readonly M: number;
  readonly K: number;
  readonly N: number;
  /** Leading axes of both operands; they broadcast. */
  readonly left?: ReadonlyArray<number>;
  readonly right?: ReadonlyArray<number>;
}

const SIZES: ReadonlyArray<Sizes> = [
  { M: 1, K: 1, N: 1 },
  { M: 1, K: 300, N: 65 },
  { M: 3, K: 130, N: 68 },
  { M: 8, K: 64, N: 132 },
  { M: 65, K: 65, N: 65 },
  { M: 64, K: 96, N: 68 },
  { M: 132, K: 36, N: 132 },
  { M: 17, K: 200, N: 20, left: [2, 1], right: [3] },
  { M: 4, K: 20, N: 9, left: [3], right: [2, 1] },
];

const nameOf = ({ M, K, N, left }: Sizes): string =>
  `${left === undefined ? "" : "batched-"}${M}x${K}x${N}`;

const operands = (
  given: Given,
  { M, K, N, left = [], right = [] }: Sizes,
  transA: boolean,
  transB: boolean,
) => ({
  a: given.f32("a", [...left, ...(transA ? [K, M] : [M, K])]),
  b: given.f32("b", [...right, ...(transB ? [N, K] : [K, N])]),
});

/** What training puts behind a product: a bias, an activation, another branch. */
const followed = (given: Given, product: Tensor): Tensor => {
  const bias = given.f32("bias", [product.shape.at(-1)!]);
  const branch = given.f32("branch", product.shape);
  return add(mul(silu(add(product, bias)), 0.5), branch);
};

const plain = [false, true].flatMap((transA) =>
  [false, true].flatMap((transB) =>
    SIZES.map((sizes) =>
      batteryCase(
        `product-${transA ? "t" : "n"}${transB ? "t" : "n"}-${nameOf(sizes)}`,
        (given) => {
          const { a, b } = operands(given, sizes, transA, transB);
          return { product: matMul(a, b, { transA, transB }) };
        },
      ),
    ),
  ),
);

const EMPTY: Sizes = { M: 3, K: 0, N: 5 };

/** Layouts and sizes whose kernels differ in how results are stored. */
const FOLLOWED: ReadonlyArray<Sizes> = [
  EMPTY,
  { M: 5, K: 130, N: 68 },
  { M: 66, K: 128, N: 68 },
  { M: 9, K: 200, N: 7, left: [2], right: [2] },
];

/** Products of every layout and size class; kernels for these are many on GPUs. */
export const productCases = (): ReadonlyArray<BatteryCase> => [
  ...plain,
  ...FOLLOWED.map((sizes) =>
    batteryCase(`product-followed-${nameOf(sizes)}`, (given) => {
      const { a, b } = operands(given, sizes, false, true);
      return { product: followed(given, matMul(a, b, { transB: true, alpha: 0.3 })) };
    }),
  ),
  batteryCase("product-of-itself", (given) => {
    const x = given.f32("x", [68, 36]);
    return { gram: matMul(x, x, { transB: true }), plus: add(matMul(x, x, { transA: true }), 1) };
  }),
  batteryCase("product-read-again", (given) => {
    const x = given.f32("x", [68, 68]);
    const y = given.f32("y", [68, 68]);
    return { sum: add(matMul(x, y), x) };
  }),
];

/** The same with operands that are f16 themselves, for backends that have it. */
export const halfProductCases = (): ReadonlyArray<BatteryCase> =>
  [
    { M: 5, K: 64, N: 68 },
    { M: 66, K: 65, N: 68 },
  ].map((sizes) =>
    batteryCase(`product-f16-${nameOf(sizes)}`, (given) => {
      const { a, b } = operands(given, sizes, false, true);
      const product = matMul(cast(a, "f16"), cast(b, "f16"), { transB: true });
      return { product: cast(product, "f32") };
    }),
  );

/** Operands far from 1 in size, and with a wide range of it: what becomes of gradients that are rounded. */
export const scaledProductCases = (): ReadonlyArray<BatteryCase> =>
  [1e-30, 1e-9, 1e6].map((scale) =>
    batteryCase(`product-scaled-${scale.toExponential()}`, (given) => {
      const a = given.f32("a", [70, 65], () => scale * given.random.normal());
      const b = given.f32("b", [65, 68], () => Math.exp(2 * given.random.normal()));
      return { product: mul(matMul(a, b), 1 / scale) };
    }),
  );
