/**
 * Shape buckets. Programs have static shapes and each costs a compilation and working memory of its own, so sizes are
 * rounded up to a small set.
 */

/** The least positive multiple of `multiple` that is ≥ `size`. */
const roundUp = (size: number, multiple: number): number =>
  Math.max(1, Math.ceil(size / multiple)) * multiple;

/**
 * Padded length of a sequence: multiples of `step` up to 8·step, of 2·step up to 16·step, and so on. Each length in use
 * is a program: 16 wastes little where many batches have each length, 32 suits pairs of lengths. Never more than `most`,
 * the context of the model.
 */
export const lengthBucket = (length: number, step = 16, most = Infinity): number => {
  let width = step;
  while (length > width * 8) width *= 2;
  return Math.min(roundUp(length, width), most);
};

/** Rows of `width` tokens that fit into a budget; at least one. Above 8 a multiple of 4: kernels like even sizes. */
export const fullRows = (width: number, tokens: number): number => {
  const rows = Math.max(1, Math.floor(tokens / width));
  return rows > 8 ? rows - (rows % 4) : rows;
};

/**
 * Padded rows for batches of any size, as in pretraining: as many as fit into `tokens`, or half of them, or a quarter,
 * …, whichever is the least that holds `rows`. So each width has few programs, and most rows run in the full one.
 */
export const halvedRows = (rows: number, width: number, tokens: number): number => {
  let size = fullRows(width, tokens);
  if (rows > size) return rows;
  while (size > 1 && Math.ceil(size / 2) >= rows) size = Math.ceil(size / 2);
  return size;
};

/** Padded rows for batches whose size is the same most of the time: 1, 2, 3, 4, 6, 8, 12, 16, 20, … */
export const evenRows = (rows: number): number => {
  if (rows <= 4) return Math.max(1, rows);
  return roundUp(rows, rows <= 8 ? 2 : 4);
};

/** Rows gathered before the language-model head: so many `parts` of all positions, in steps of 8. */
export const gatherBucket = (rows: number, positions: number, parts = 4): number =>
  Math.min(positions, roundUp(rows, roundUp(positions / parts, 8)));

/** Capacity of a cache: 32, 64, 96, 128, 192, 256, 384, 512, … */
export const capacityBucket = (length: number): number => {
  if (length <= 128) return roundUp(length, 32);
  const octave = 2 ** Math.floor(Math.log2(length - 1));
  return roundUp(length, octave / 2);
};
