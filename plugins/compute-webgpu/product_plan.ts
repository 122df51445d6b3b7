/** Which kernels compute a product: what there is, what suits a class of sizes, and what a device may use at all. */
import type { SubgroupMatrix } from "./adapters.ts";
import { layoutOf, type Product } from "./product.ts";
import type { Target } from "./writer.ts";

/** Without shared memory, each thread with its rows and columns. */
export interface DirectPlan {
  readonly kind: "direct";
  readonly rows: 1 | 2 | 4 | 8;
  readonly columns: 4 | 8;
}

/** Without shared memory, by subgroups of a known size whose lanes hand on what they read. */
export interface SubgroupPlan {
  readonly kind: "subgroup";
}

/** By square tiles in shared memory; more than one part: the inner dimension is cut, and the sums of parts are added after. */
export interface TilePlan {
  readonly kind: "tile";
  readonly size: 64 | 128;
  readonly parts: number;
}

/** Few rows: a workgroup shares the inner dimension. */
export interface RowsPlan {
  readonly kind: "rows";
}

/** By the subgroups' own products of f16 matrices. */
export interface MatrixPlan {
  readonly kind: "matrix";
  readonly parts: number;
}

export type ProductPlan = DirectPlan | SubgroupPlan | TilePlan | RowsPlan | MatrixPlan;

/** Kernels that an option may ask for, wherever they can compute a product. */
export const PRODUCT_KERNELS = [
  "direct",
  "subgroup",
  "rows",
  "tile64",
  "tile128",
  "split",
  "matrix",
] as const;

export interface ProductSettings {
  /** Whether kernels with shared memory round operands to f16. */
  readonly half: boolean;
  readonly kernel: "auto" | (typeof PRODUCT_KERNELS)[number];
  /** The product of matrices that subgroups of this device have in hardware, f16 added up in f32. */
  readonly matrix: SubgroupMatrix | undefined;
  /** The fastest plan measured on this machine, where there is one. */
  readonly tuned: (product: Product) => ProductPlan | undefined;
}

/** Most rows that share a workgroup. */
export const FEW_ROWS = 8;

/** Sizes of subgroups whose lanes hand on what they read; the rows of their tile are a multiple of each. */
const SHARING = new Set([4, 8, 16]);

/** Rows and columns of a subgroup: 16 rows and 4 columns a lane. */
export const subgroupTile = (subgroup: number) => ({ rows: 16, columns: 4 * subgroup });

/** Threads of a workgroup of tiles: 16 by 16, each with `size / 16` rows and columns. */
export const TILE_LANES = 256;

/** Inner steps of a slice: as many as let each thread stage one block of 4×4 numbers. */
export const tileDepth = (size: TilePlan["size"]): number => (2 * TILE_LANES * 4) / size;

/** Vectors between the lines of a slice in shared memory; one more than a line has, so that lines begin at other banks. */
export const tilePitch = (size: TilePlan["size"]): number => size / 4 + 1;

const tileBytes = (size: TilePlan["size"], half: boolean): number =>
  2 * tileDepth(size) * tilePitch(size) * (half ? 8 : 16);

/** Subgroups of a workgroup of matrices, by rows and columns, and the matrices that each has. */
export const MATRIX_GRID = { rows: 2, columns: 4, down: 4, across: 2 } as const;

/** Inner steps of a slice of matrices. */
export const MATRIX_DEPTH = 32;

/** f16 numbers after each line of a slice, so that lines begin at other banks. */
export const MATRIX_PADDING = 8;

/** Rows and columns of a workgroup of matrices. */
export const matrixTile = ({ M, N }: SubgroupMatrix) => ({
  rows: MATRIX_GRID.rows * MATRIX_GRID.down * M,
  columns: MATRIX_GRID.columns * MATRIX_GRID.across * N,
});

const matrixBytes = (matrix: SubgroupMatrix): number => {
  const { rows, columns } = matrixTile(matrix);
  const staged = (lines: number): number =>
    2 * Math.max(lines * (MATRIX_DEPTH + MATRIX_PADDING), MATRIX_DEPTH * (lines + MATRIX_PADDING));
  const subgroups = MATRIX_GRID.rows * MATRIX_GRID.columns;
  return staged(rows) + staged(columns) + 4 * subgroups * matrix.M * matrix.N;
};

/** The matrices that the kernel is written for, largest first; undefined where a device has none of them. */
export const matrixOf = (
  matrices: ReadonlyArray<SubgroupMatrix>,
  { subgroup, maxLanes, maxShared }: Pick<Target, "subgroup" | "maxLanes" | "maxShared">,
): SubgroupMatrix | undefined =>
  matrices
    .filter((one) => one.componentType === "f16" && one.resultComponentType === "f32")
    .filter((one) => MATRIX_DEPTH % one.K === 0 && matrixBytes(one) <= maxShared)
    .filter(() => subgroup > 0 && MATRIX_GRID.rows * MATRIX_GRID.columns * subgroup <= maxLanes)
    .toSorted((a, b) => b.M * b.N * b.K - a.M * a.N * a.K)[0];

/** Whether a device can compute a product by a plan. */
export const isPossible = (
  { products, subgroup, maxLanes, maxShared, maxBinding }: Target,
  { batch, M, N, K }: Product,
  plan: ProductPlan,
): boolean => {
  if (plan.kind === "direct") return true;
  if (K === 0) return false;
  if (plan.kind === "subgroup") return SHARING.has(subgroup);
  if (plan.kind === "rows") return M <= FEW_ROWS;
  if (plan.parts > 1 && plan.parts * batch * M * N * 4 > maxBinding) return false;
  if (plan.kind === "matrix") return products.half && products.matrix !== undefined;
  return maxLanes >= TILE_LANES && maxShared >= tileBytes(plan.size, products.half);
};

/** For people, and for the file of what was measured. */
export const planName = (plan: ProductPlan): string => {
  switch (plan.kind) {
    case "direct":
      return `direct ${plan.rows}x${plan.columns}`;
    case "subgroup":
    case "rows":
      return plan.kind;
    case "tile":
      return `tile ${plan.size}${plan.parts > 1 ? ` in ${plan.parts}` : ""}`;
    case "matrix":
      return `matrix${plan.parts > 1 ? ` in ${plan.parts}` : ""}`;
  }
};

const above = (size: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, size)));

/** Products that the same kernel suits: layouts, readable by fours or not, and sizes up to the next power of two. */
export const classOf = (product: Product): string => {
  const { a, b, batch, M, N, K } = product;
  const fours = [a, b].map(({ shape }) => (shape.at(-1)! % 4 === 0 ? "4" : "1")).join("");
  const sizes = [batch, M, K, N].map(above).join("x");
  const types = [a, b].map(({ dtype }) => (dtype === "f16" ? "h" : "f")).join("");
  return `${layoutOf(product)}${fours}${types} ${sizes}`;
};

/**
 * The tile of a product without shared memory. Large ones read least; but where there are few of them a processor's cores
 * (or an adapter's) stay idle.
 */
export const directPlan = (
  { software }: Pick<Target, "software">,
  { batch, M, N }: Pick<Product, "batch" | "M" | "N">,
): DirectPlan => {
  if (M <= 2) return { kind: "direct", rows: M <= 1 ? 1 : 2, columns: 4 };
  const large = batch * Math.ceil(M / 8) * Math.ceil(N / 8);
  if (software && M >= 8 && N % 8 === 0 && large >= 256) {
    return { kind: "direct", rows: 8, columns: 8 };
  }
  return { kind: "direct", rows: 4, columns: 4 };
};

/** Workgroups of 256 threads that keep a GPU busy. */
const BUSY = 256;

/** Inner steps of a part that are worth a pass over the results. */
const LONG = 256;

const tilesOf = ({ batch, M, N }: Product, rows: number, columns = rows): number =>
  batch * Math.ceil(M / rows) * Math.ceil(N / columns);

/** Parts of the inner dimension where tiles alone would leave most of a GPU idle. */
const partsFor = ({ K }: Product, tiles: number): number =>
  tiles * 2 > BUSY ? 1 : Math.max(1, Math.min(32, Math.floor(BUSY / tiles), Math.floor(K / LONG)));

const asked = (product: Product, target: Target): ProductPlan => {
  switch (target.products.kernel) {
    case "subgroup":
      return { kind: "subgroup" };
    case "rows":
      return { kind: "rows" };
    case "tile64":
      return { kind: "tile", size: 64, parts: 1 };
    case "tile128":
      return { kind: "tile", size: 128, parts: 1 };
    case "split":
      return target.products.half && target.products.matrix !== undefined
        ? { kind: "matrix", parts: 3 }
        : { kind: "tile", size: 64, parts: 3 };
    case "matrix":
      return { kind: "matrix", parts: 1 };
    default:
      return directPlan(target, product);
  }
};

/** Tiles of subgroups that keep the cores of a processor busy. */
const BUSY_CORES = 8;

/** What suits a processor: subgroups that share what they read, where at least half of their tiles are results. */
const usualOnProcessors = (product: Product, target: Target): ProductPlan => {
  if (!SHARING.has(target.subgroup)) return directPlan(target, product);
  const { rows, columns } = subgroupTile(target.subgroup);
  const tiles = tilesOf(product, rows, columns);
  const filled = 2 * product.batch * product.M * product.N >= tiles * rows * columns;
  return filled && tiles >= BUSY_CORES ? { kind: "subgroup" } : directPlan(target, product);
};

/** What suits a GPU of which nothing was measured. */
const usual = (product: Product, target: Target): ProductPlan => {
  const { M, N } = product;
  const { matrix, half } = target.products;
  if (M <= FEW_ROWS) return { kind: "rows" };
  if (N < 16 || M < 16) return directPlan(target, product);
  if (half && matrix !== undefined) {
    const { rows, columns } = matrixTile(matrix);
    return { kind: "matrix", parts: partsFor(product, tilesOf(product, rows, columns)) };
  }
  if (tilesOf(product, 128) >= BUSY) return { kind: "tile", size: 128, parts: 1 };
  return { kind: "tile", size: 64, parts: partsFor(product, tilesOf(product, 64)) };
};

/** The plan of a product: what is asked for, what was measured, what is usual; always one that the device can run. */
export const planOf = (target: Target, product: Product): ProductPlan => {
  const { kernel, tuned } = target.products;
  const direct = directPlan(target, product);
  const plan =
    kernel !== "auto"
      ? asked(product, target)
      : (tuned(product) ??
        (target.software ? usualOnProcessors(product, target) : usual(product, target)));
  return isPossible(target, product, plan) ? plan : direct;
};

const PARTS = [1, 2, 4, 8, 16, 32] as const;

const PLANS: ReadonlyArray<ProductPlan> = [
  ...([1, 2, 4, 8] as const).map((rows): ProductPlan => ({ kind: "direct", rows, columns: 4 })),
  { kind: "direct", rows: 8, columns: 8 },
  { kind: "subgroup" },
  { kind: "rows" },
  ...PARTS.map((parts): ProductPlan => ({ kind: "tile", size: 64, parts })),
  ...PARTS.map((parts): ProductPlan => ({ kind: "tile", size: 128, parts })),
  ...PARTS.map((parts): ProductPlan => ({ kind: "matrix", parts })),
];

/** The plan of a name; undefined for names that mean nothing. */
export const planNamed = (name: string): ProductPlan | undefined =>
  PLANS.find((plan) => planName(plan) === name);

/** All plans worth measuring for a product, the direct one first: it is what the results of the others are held against. */
export const candidatesOf = (target: Target, product: Product): ReadonlyArray<ProductPlan> => {
  const direct = directPlan(target, product);
  const others = PLANS.filter((plan) => {
    if (plan.kind === "direct") return plan.rows === 8 && product.M > 2;
    const whole = plan.kind === "rows" || plan.kind === "subgroup";
    const long = whole || plan.parts === 1 || product.K / plan.parts >= 2 * LONG;
    return long && isPossible(target, product, plan);
  });
  return [direct, ...others.filter((plan) => planName(plan) !== planName(direct))];
};
