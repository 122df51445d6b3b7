/** Which variant of a kernel suits a class of shapes on a kind of adapter. */
import { type Node, sizeOf, type Tensor } from "@resd/tensor";
import type { Target } from "./writer.ts";

/** Elements that one thread adds before a reduction is cut into parts. */
const LONG = 4096;

/** Threads that keep an adapter busy. */
const BUSY = 512;

/**
 * How the elements of a row become one number. `serial`: one thread has the whole row; `lanes`: those of a workgroup meet at
 * barriers; `subgroups`: they exchange numbers within subgroups, and meet once.
 */
export type RowVariant = "serial" | "lanes" | "subgroups";

/** Processors run a workgroup's lanes one after another, so there barriers only cost. */
export const rowVariant = ({ software, rows, subgroups }: Target): RowVariant => {
  if (rows === "auto") return software ? "serial" : subgroups ? "subgroups" : "lanes";
  return rows === "subgroups" && !subgroups ? "lanes" : rows;
};

/** `tree`: a workgroup for each result; else one thread. `parts`: pieces of each result that a first kernel computes. */
export const reduceVariant = (
  target: Target,
  count: number,
  length: number,
): { readonly tree: boolean; readonly parts: number } => {
  const few = count < (target.software ? 64 : BUSY);
  const parts = few && length > LONG ? Math.min(256, Math.ceil(length / 1024)) : 1;
  return { tree: rowVariant(target) !== "serial" && (parts > 1 ? parts : length) > 32, parts };
};

/** Pieces of a sum to one number, of which each is a thread's (processors) or a workgroup's. */
export const totalParts = ({ software }: Target, length: number): number =>
  Math.min(256, Math.ceil(length / (software ? 1024 : 2 * LONG)));

/** Lanes that share a row; 1: a thread for each row. */
export const rowLanes = (target: Target, rows: number, width: number): number => {
  if (rowVariant(target) === "serial") return 1;
  if (target.rows === "auto" && (width <= 32 || (width <= 128 && rows > 64 * BUSY))) return 1;
  return width <= 512 ? 64 : 256;
};

/**
 * Threads of a workgroup where each has a row. Processors give a workgroup to one core, so few rows are cut into workgroups that
 * have a vector's lanes.
 */
export const rowThreads = ({ software }: Target, rows: number): number =>
  software && rows < 64 * 16 ? 8 : 64;

/**
 * How attention and its gradient are computed. `apart`: as products and a softmax that are stored; `rows`: each thread has a
 * few rows in registers; `tiles`: each workgroup has tiles of queries and keys in its memory.
 */
export type AttentionVariant = "apart" | "rows" | "tiles";

/** Buffers that the gradient of attention binds at most. */
const ATTENTION_BUFFERS = 9;

/** Widest heads whose rows a thread keeps, and whose tiles a workgroup keeps. */
const WIDEST_ROW = 64;
const WIDEST_TILE = 256;

/** Vectors that a lane has in registers, and bytes of a tile's two operands. */
const LANE_VECTORS = 32;
const TILE_BYTES = 16_384;

/**
 * `lanes` of a workgroup, of which `parts` share a row of D numbers that each keeps `kept` times (the row, what it sums up to, …),
 * and the rows of a tile.
 */
export const tilePlan = ({ maxShared, maxLanes }: Target, D: number, kept: number) => {
  let parts = 1;
  while ((kept * D) / 4 / parts > LANE_VECTORS && (D / 4) % (2 * parts) === 0) parts *= 2;
  const lanes = Math.min(parts === 1 ? 64 : 128, maxLanes);
  const room = Math.min(TILE_BYTES, maxShared - 16 * lanes);
  return { lanes, parts, tile: Math.max(4, Math.min(32, Math.floor(room / (32 * D)) * 4)) };
};

const fitsBindings = ({ maxBinding }: Target, node: Node): boolean =>
  [...node.inputs, ...node.outputs].every(({ shape }) => 4 * sizeOf(shape) <= maxBinding);

/** The variant for a node; `apart` for all other operations too. */
export const attentionVariant = (target: Target, node: Node): AttentionVariant => {
  const { software, attention, maxBuffers } = target;
  if (node.op !== "attention" && node.op !== "attentionGradient") return "apart";
  const [q, k, v] = node.inputs as [Tensor, Tensor, Tensor];
  const [D, Dv] = [q.shape[3]!, v.shape[3]!];
  const fits =
    q.dtype === "f32" && D === Dv && D % 4 === 0 && sizeOf(q.shape) > 0 && k.shape[2]! > 0;
  if (!fits || maxBuffers < ATTENTION_BUFFERS || !fitsBindings(target, node)) return "apart";
  const wanted = attention === "auto" ? (software ? "rows" : "tiles") : attention;
  return D <= (wanted === "rows" ? WIDEST_ROW : WIDEST_TILE) ? wanted : "apart";
};

/** Widest heads of attention over a cache whose thread keeps a row. */
const WIDEST_CACHED = 128;

/** Whether attention over a cache has a kernel of its own for a node. */
export const claimsCached = (target: Target, node: Node): boolean => {
  if (node.op !== "cachedAttention" || target.attention === "apart") return false;
  const [q] = node.inputs as [Tensor];
  const D = q.shape[3]!;
  const fits = q.dtype === "f32" && D % 4 === 0 && D <= WIDEST_CACHED && sizeOf(q.shape) > 0;
  return fits && target.maxBuffers >= 8 && fitsBindings(target, node);
};

/** Numbers of query heads that a thread keeps: those that share a key head read it once. */
const CACHED_NUMBERS = { hardware: 64, software: 192 } as const;

/**
 * What threads of attention over a cache do: `kept` of the R query heads of one of `heads` key heads, over one of `parts` pieces of
 * the cache of C rows, so many that few queries keep an adapter busy.
 */
export const cachedPlan = (
  { software }: Target,
  heads: number,
  R: number,
  C: number,
  D: number,
): { readonly kept: number; readonly parts: number } => {
  const most = CACHED_NUMBERS[software ? "software" : "hardware"] / D;
  let kept = 1;
  for (let count = 2; count <= Math.min(R, most); count++) if (R % count === 0) kept = count;
  const wanted = Math.ceil((software ? 64 : 8 * BUSY) / ((heads * R) / kept));
  return { kept, parts: Math.max(1, Math.min(Math.ceil(C / 32), wanted)) };
};

/** Whether RMSNorm and its gradient have kernels of their own for a node. */
export const claimsNorm = ({ maxBuffers, maxBinding }: Target, node: Node): boolean => {
  if (node.op !== "rmsNorm" && node.op !== "rmsNormGradient") return false;
  const [x] = node.inputs as [Tensor];
  const size = sizeOf(x.shape);
  return x.dtype === "f32" && size > 0 && 4 * size <= maxBinding && maxBuffers >= 6;
};
