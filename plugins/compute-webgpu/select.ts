/** Which variant of a kernel suits a class of shapes on a kind of adapter. */
import type { Target } from "./writer.ts";

/** Elements that one thread adds before a reduction is cut into parts. */
const LONG = 4096;

/** Threads that keep an adapter busy. */
const BUSY = 512;

/**
 * `tree`: a workgroup for each result; else one thread. `parts`: pieces of each result that a first kernel computes.
 * Processors run a workgroup's lanes one after another, so there trees only cost barriers.
 */
export const reduceVariant = (
  { software }: Target,
  count: number,
  length: number,
): { readonly tree: boolean; readonly parts: number } => {
  const few = count < (software ? 64 : BUSY);
  const parts = few && length > LONG ? Math.min(256, Math.ceil(length / 1024)) : 1;
  return { tree: !software && (parts > 1 ? parts : length) > 32, parts };
};

/** Lanes that share a row; 1: a thread for each row. */
export const rowVariant = ({ software }: Target, rows: number, width: number): number => {
  if (software || width <= 32 || (width <= 128 && rows > 64 * BUSY)) return 1;
  return width <= 512 ? 64 : 256;
};

/** Rows and columns of a product that one thread computes. */
export interface Tile {
  readonly rows: 1 | 2 | 4 | 8;
  readonly columns: 4 | 8;
}

/**
 * The tile of a product without shared memory. Large ones read least; but where there are few of them a processor's cores
 * (or an adapter's) stay idle.
 */
export const directTile = (
  { software }: Target,
  batch: number,
  rows: number,
  columns: number,
): Tile => {
  if (rows <= 2) return { rows: rows <= 1 ? 1 : 2, columns: 4 };
  const large = batch * Math.ceil(rows / 8) * Math.ceil(columns / 8);
  if (software && rows >= 8 && columns % 8 === 0 && large >= 256) return { rows: 8, columns: 8 };
  return { rows: 4, columns: 4 };
};
