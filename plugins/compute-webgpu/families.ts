/** Which kernels compute a group, by the operation at its core. */
import { attributesOf, type Claims, type OpName, sizeOf, type Tensor } from "@resd/tensor";
import { adamw } from "./kernels/adamw.ts";
import { attention, attentionGradient } from "./kernels/attention.ts";
import { cachedAttention } from "./kernels/attention_cached.ts";
import { cacheWrite } from "./kernels/cache_write.ts";
import { concatWide, elementwise, fill } from "./kernels/elementwise.ts";
import { matMul } from "./kernels/matmul.ts";
import { emptySum, reduce } from "./kernels/reduce.ts";
import { rmsNorm, rmsNormGradient } from "./kernels/rms_norm.ts";
import { rowProgram } from "./kernels/row_program.ts";
import { sample } from "./kernels/sample.ts";
import { scatterAddLast, scatterAddRows } from "./kernels/scatter.ts";
import { softmax } from "./kernels/softmax.ts";
import { topK } from "./kernels/top_k.ts";
import { totals } from "./kernels/totals.ts";
import type { Kernel } from "./schedule.ts";
import { attentionVariant, claimsCached, claimsNorm } from "./select.ts";
import { outputOf, type Site } from "./site.ts";
import type { Target } from "./writer.ts";

/** Primitives with a kernel or an expression of their own; the others are fused from their composites. */
const CLAIMED = new Set<OpName>(["adamw", "rope"]);

/** Whether an adapter computes a primitive as a whole. */
export const claims =
  (target: Target): Claims =>
  (op, node) =>
    CLAIMED.has(op) ||
    attentionVariant(target, node) !== "apart" ||
    claimsCached(target, node) ||
    claimsNorm(target, node);

const FAMILIES: Partial<Record<OpName, (site: Site) => ReadonlyArray<Kernel>>> = {
  sum: reduce,
  max: reduce,
  softmax,
  logSoftmax: softmax,
  matMul,
  scatterAddRows,
  scatterAddLast,
  topK,
  cacheWrite,
  sample,
  attention,
  attentionGradient,
  cachedAttention,
  rmsNorm,
  rmsNormGradient,
  concat: concatWide,
};

/** The kernels of one group. */
const kernelsOf = (site: Site): ReadonlyArray<Kernel> => {
  const { root, core, rows } = site.group;
  if (rows !== undefined) return rowProgram(site, rows);
  if (root.op === "full") {
    const { shape, dtype } = root.outputs[0]!;
    const { value } = attributesOf(root, "full");
    return fill(site.target, site.value(outputOf(root)), sizeOf(shape), dtype, value);
  }
  if (core === undefined) return elementwise(site);
  const [x] = core.inputs as [Tensor];
  const { shape, dtype } = root.outputs[0]!;
  if (core.op === "sum" && sizeOf(x.shape) === 0 && core === root) {
    return emptySum(site, shape, dtype);
  }
  return FAMILIES[core.op]!(site);
};

/** The kernels of a batch. */
export const kernelsOfBatch = (
  sites: readonly [Site, ...ReadonlyArray<Site>],
): ReadonlyArray<Kernel> => {
  if (sites[0].group.root.op === "adamw") return adamw(sites);
  return sites.length === 1 ? kernelsOf(sites[0]) : totals(sites);
};
