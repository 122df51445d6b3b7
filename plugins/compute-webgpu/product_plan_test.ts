import { assert, describe, it } from "@effect/vitest";
import { graph, input, matMul } from "@resd/tensor";
import { gpu, settings } from "./_target.ts";
import type { SubgroupMatrix } from "./adapters.ts";
import { lowerGraph } from "./lower.ts";
import { matrixOf, planNamed, planName } from "./product_plan.ts";
import type { Target } from "./writer.ts";

const matrix = (size: number, result = "f32"): SubgroupMatrix => ({
  componentType: "f16",
  resultComponentType: result,
  M: size,
  N: size,
  K: size,
});

const half: Target = { ...gpu, products: { ...settings, half: true, matrix: matrix(16) } };

const kernelsOf = (
  target: Target,
  [M, K, N]: readonly [number, number, number],
  transA = false,
  transB = false,
) => {
  const a = input("a", transA ? [K, M] : [M, K]);
  const b = input("b", transB ? [N, K] : [K, N]);
  const product = graph({ c: matMul(a, b, { transA, transB }) }, { name: "product" });
  return lowerGraph(product, target, new Set()).kernels;
};

const labels = (...arguments_: Parameters<typeof kernelsOf>): ReadonlyArray<string> =>
  kernelsOf(...arguments_).map(({ label }) => label);

describe("planOf()", () => {
  it("takes what suits sizes on a GPU of which nothing was measured", () => {
    assert.deepStrictEqual(labels(gpu, [4096, 4096, 4096]), ["matMul nn tile 128 4096x4096x4096"]);
    assert.deepStrictEqual(labels(gpu, [8, 896, 4864], false, true), [
      "matMul nt rows subgroups 8x896x4864",
    ]);
    assert.deepStrictEqual(labels(gpu, [128, 8192, 384], true), [
      "matMul tn tile 64, 20 parts 128x8192x384",
      "add 20 parts 49152",
    ]);
  });

  it("lets subgroups of processors share what they read, where most of their tiles are results", () => {
    const processor = { ...gpu, software: true };
    const label = (subgroup: number, ...sizes: [M: number, K: number, N: number]) =>
      labels({ ...processor, subgroup }, sizes);
    assert.deepStrictEqual(label(4, 256, 256, 256), ["matMul nn subgroup 16x16 256x256x256"]);
    assert.deepStrictEqual(label(8, 256, 256, 256), ["matMul nn subgroup 16x32 256x256x256"]);
    assert.deepStrictEqual(label(8, 7, 256, 256), ["matMul nn direct 4x4 7x256x256"]);
    assert.deepStrictEqual(label(8, 32, 256, 64), ["matMul nn direct 4x4 32x256x64"]);
    for (const none of [0, 32]) {
      assert.deepStrictEqual(label(none, 256, 256, 256), ["matMul nn direct 8x8 256x256x256"]);
    }
  });

  it("prefers what was measured, unless the device cannot run it", () => {
    const tuned = (plan: string): Target => ({
      ...gpu,
      products: { ...settings, tuned: () => planNamed(plan) },
    });
    assert.deepStrictEqual(labels(tuned("tile 64"), [4096, 64, 4096]), [
      "matMul nn tile 64 4096x64x4096",
    ]);
    for (const impossible of ["rows", "matrix", "tile 64 in 32"]) {
      const target = { ...tuned(impossible), maxBinding: 2 ** 26 };
      assert.deepStrictEqual(labels(target, [4096, 4096, 4096]), [
        "matMul nn direct 4x4 4096x4096x4096",
      ]);
    }
  });

  it("names plans so that they are found again", () => {
    for (const name of [
      "direct 4x4",
      "direct 8x8",
      "subgroup",
      "rows",
      "tile 128",
      "tile 64 in 8",
      "matrix",
    ]) {
      assert.strictEqual(planName(planNamed(name)!), name);
    }
    assert.isUndefined(planNamed("tile 63"));
  });
});

describe("subgroup matrices", () => {
  it("are those of f16 whose sums are f32, the largest that fit", () => {
    const all = [matrix(8), matrix(16, "f16"), matrix(16), { ...matrix(32), componentType: "i8" }];
    assert.deepStrictEqual(matrixOf(all, gpu), matrix(16));
    assert.deepStrictEqual(matrixOf(all, { ...gpu, maxShared: 16_384 }), matrix(8));
    assert.isUndefined(matrixOf(all, { ...gpu, subgroup: 0 }));
    assert.isUndefined(matrixOf(all, { ...gpu, maxLanes: 128 }));
  });

  it("are loaded as operands lie, from slices that hold what is loaded", () => {
    for (const [transA, transB] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const kernels = kernelsOf(half, [512, 256, 384], transA, transB);
      assert.strictEqual(kernels.length, 3, "two that find scales, and the product");
      const { wgsl, label, workgroups } = kernels[2]!;
      assert.include(label, "matrix 128x128");
      assert.deepStrictEqual(workgroups, [12, 1]);
      assert.include(wgsl, "@workgroup_size(256)");
      const order = {
        left: transA ? "col_major" : "row_major",
        right: transB ? "col_major" : "row_major",
      };
      for (const side of ["left", "right"] as const) {
        assert.include(wgsl, `subgroup_matrix_${side}<f16, 16, 16>, ${order[side]}>(&${side}`);
        const along = (side === "left") === (order[side] === "row_major");
        const size = along ? 128 * 40 : 32 * 136;
        assert.include(wgsl, `var<workgroup> ${side}: array<f16, ${size}>`);
      }
      assert.strictEqual(wgsl.split("subgroupMatrixMultiplyAccumulate(").length - 1, 8);
      assert.strictEqual(wgsl.split("subgroupMatrixStore<row_major>(").length - 1, 8);
    }
  });
});
