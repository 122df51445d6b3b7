/** Products of matrices: the kernels of the plan that suits their sizes and the adapter. */
import { type Product, productOf, sidesOf } from "../product.ts";
import { partsOf } from "../product_grid.ts";
import { MATRIX_DEPTH, planOf, tileDepth } from "../product_plan.ts";
import type { Kernel, ValueId } from "../schedule.ts";
import { outputOf, RootKernel, type Site } from "../site.ts";
import { fill, groupsOf, LANES } from "./elementwise.ts";
import { matMulDirect } from "./matmul_direct.ts";
import { matMulMatrix } from "./matmul_matrix.ts";
import { matMulRows } from "./matmul_rows.ts";
import { scalesOf } from "./matmul_scale.ts";
import { matMulSubgroup } from "./matmul_subgroup.ts";
import { matMulTile } from "./matmul_tile.ts";

/** Adds the sums of all parts, the first part first. */
const addParts = (site: Site, product: Product, value: ValueId, parts: number): Kernel => {
  const count = product.batch * product.M * product.N;
  const kernel = new RootKernel(site);
  const { writer } = kernel;
  writer.block(`if (thread < ${writer.u(count)})`, () => {
    const sums = writer.buffer(value, "f32");
    writer.line("var total = 0.0;");
    writer.block(`for (var part = 0u; part < ${writer.u(parts)}; part++)`, () =>
      writer.line(`total += ${sums}[part * ${writer.u(count)} + thread];`),
    );
    const { alpha } = product;
    kernel.store("thread", alpha === 1 ? "total" : writer.let(`total * ${writer.f(alpha)}`));
  });
  return kernel.finish(`add ${parts} parts ${count}`, LANES, groupsOf(count), "thread");
};

/** The kernels of one product and what follows it. */
export const matMul = (site: Site): ReadonlyArray<Kernel> => {
  const core = site.group.core!;
  const product = productOf(core);
  const { batch, M, N, K } = product;
  if (batch * M * N === 0) return [];
  if (K === 0 && site.group.root === core) {
    return fill(site.target, site.value(outputOf(core)), batch * M * N, core.outputs[0]!.dtype, 0);
  }
  const plan = planOf(site.target, product);
  if (plan.kind === "direct") return [matMulDirect(site, product, plan)];
  if (plan.kind === "subgroup") return [matMulSubgroup(site, product)];
  if (plan.kind === "rows") return [matMulRows(site, product)];
  const [scales, before] = site.target.products.half
    ? scalesOf(site, sidesOf(site, product))
    : [undefined, []];
  const depth = plan.kind === "tile" ? tileDepth(plan.size) : MATRIX_DEPTH;
  const { parts } = partsOf(K, plan.parts, depth);
  const sums =
    parts === 1 ? undefined : site.scratch("sums of parts", parts * batch * M * N, "f32");
  const kernel =
    plan.kind === "tile"
      ? matMulTile(site, product, plan, scales, sums)
      : matMulMatrix(site, product, plan, scales!, sums);
  const after = sums === undefined ? [] : [addParts(site, product, sums, parts)];
  return [...before, kernel, ...after];
};
