/**
 * Every kernel of products keeps the laws, here at a size or two each, since software adapters take seconds to compile one;
 * `npm run check -- --all --only product --product-kernel tile64` goes through all of one.
 */
import { assert, describe, it } from "@effect/vitest";
import { computeProductLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect } from "effect";
import { underMutation } from "./_mutated.ts";
import { listAdapters } from "./adapters.ts";
import { layer } from "./mod.ts";
import type { ProductSettings } from "./product_plan.ts";

const [adapter] = await Effect.runPromise(listAdapters);
const half = adapter?.features.includes("shader-f16") === true;
const matrices = half && adapter.subgroupMatrices.length > 0;
const sizes = adapter?.subgroupSizes;
const sharing = sizes !== undefined && sizes.min === sizes.max && [4, 8, 16].includes(sizes.max);

const skipped = (what: string): void =>
  void process.stderr.write(`SKIPPED, NOT PASSED: products ${what}\n`);
if (adapter === undefined) skipped("on WebGPU: no adapter on this machine");
else {
  if (!half) skipped(`of f16: ${adapter.name} has no shader-f16`);
  if (!sharing) skipped(`by subgroups that share: ${adapter.name} has none of 4, 8 or 16 lanes`);
  if (!matrices) skipped(`by subgroup matrices: ${adapter.name} has none`);
}

/** Operands that are rounded to f16 keep eleven bits. */
const ROUNDED = 2e-3;

type Choice = readonly [kernel: ProductSettings["kernel"], laws: ReadonlyArray<string>];

const FULL: ReadonlyArray<Choice> = [
  ["rows", ["nt-3x130x68", "tn-1x300x65"]],
  ["tile64", ["followed-66x128x68"]],
  ["tile128", ["nt-132x36x132"]],
  ["split", ["tn-batched-17x200x20"]],
];

const SHARING: ReadonlyArray<Choice> = [
  ["subgroup", ["nt-132x36x132", "followed-66x128x68", "tn-batched-17x200x20", "nn-65x65x65"]],
];

const ROUNDING: ReadonlyArray<Choice> = [
  ["tile64", ["scaled-1e-30", "scaled-1e+6", "nn-65x65x65"]],
  ["split", ["followed-batched-9x200x7", "tn-batched-17x200x20"]],
];

const MATRICES: ReadonlyArray<Choice> = [
  [
    "matrix",
    ["nn-64x96x68", "nt-132x36x132", "tn-65x65x65", "tt-batched-17x200x20", "scaled-1e-9"],
  ],
];

const lawsOf = (names: ReadonlyArray<string>, tolerance: number) =>
  computeProductLaws({ tolerance }).filter(({ id }) =>
    names.some((name) => id === `compute.graph.product-${name}`),
  );

const register = (choices: ReadonlyArray<Choice>, products: "f32" | "f16"): void => {
  for (const [productKernel, names] of choices) {
    describe(`by ${productKernel} in ${products}`, () => {
      registerLaws(lawsOf(names, products === "f16" ? ROUNDED : 1e-5), {
        layer: layer({ productKernel, products }),
        timeoutMillis: 120_000,
      });
    });
  }
};

describe.skipIf(adapter === undefined)("products keep the laws", () => {
  register(FULL, "f32");
  describe.skipIf(!sharing)("by subgroups that share", () => register(SHARING, "f32"));
  describe.skipIf(!half)("of f16", () => register(ROUNDING, "f16"));
  describe.skipIf(!matrices)("by subgroup matrices", () => register(MATRICES, "f16"));
});

type Mutation = readonly [kernel: ProductSettings["kernel"], law: string, from: string, to: string];

/** What is changed in a kernel's text, and the law that must see it. */
const MUTATIONS: ReadonlyArray<Mutation> = [
  ["rows", "nt-3x130x68", "e < 12u", "e < 11u"],
  ["tile64", "followed-66x128x68", "k < 32u", "k < 31u"],
  ["tile64", "followed-66x128x68", "* 17u + across", "* 16u + across"],
  ["tile128", "nt-132x36x132", "round <= ", "round < "],
  // The kernel of parts, whose last one has eight steps, then the kernel that adds them.
  ["split", "tn-batched-17x200x20", "+ 31u) / 32u", "+ 23u) / 32u"],
  ["split", "tn-batched-17x200x20", "var total = 0.0", "var total = 0.001"],
  ["split", "tn-batched-17x200x20", "var part = 0u", "var part = 1u"],
];

/** Columns that a lane leaves out, and a row that is taken for another. */
const SHARING_MUTATIONS: ReadonlyArray<Mutation> = [
  ["subgroup", "nn-65x65x65", "min(4u, ", "min(3u, "],
  ["subgroup", "nt-132x36x132", ", 3u) *", ", 2u) *"],
];

/** These hold for matrices of any size. */
const MATRIX_MUTATIONS: ReadonlyArray<Mutation> = [
  ["matrix", "nn-64x96x68", "round * 32u;", "round * 31u;"],
  ["matrix", "nn-64x96x68", "turn < 8u", "turn < 7u"],
  ["matrix", "scaled-1e-9", "0x7f000000u", "0x7f800000u"],
  ["split", "tn-batched-17x200x20", "var part = 0u", "var part = 1u"],
];

const mustBeSeen = (mutations: ReadonlyArray<Mutation>, products: "f32" | "f16"): void => {
  for (const [productKernel, name, from, to] of mutations) {
    it.live(`see that ${productKernel} in ${products} has ${JSON.stringify(to)} in it`, () =>
      Effect.gen(function* () {
        const laws = lawsOf([name], products === "f16" ? ROUNDED : 1e-5);
        const options = { productKernel, products };
        const { changed, passed } = yield* underMutation(laws, [from, to], options);
        assert.isAbove(changed, 0, "the text is in no kernel of the law");
        assert.isFalse(passed, name);
      }),
    );
  }
};

describe.skipIf(adapter === undefined)("the laws of products", () => {
  mustBeSeen(MUTATIONS, "f32");
  describe.skipIf(!sharing)("by subgroups that share", () => mustBeSeen(SHARING_MUTATIONS, "f32"));
  describe.skipIf(!matrices)("by subgroup matrices", () => mustBeSeen(MATRIX_MUTATIONS, "f16"));
});
