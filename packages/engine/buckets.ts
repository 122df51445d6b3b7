/**
 * Shape buckets. Programs have static shapes and each costs a compilation and working memory of its own, so sizes are
 * rounded up to a small set.
 */

/** The least positive multiple of `multiple` that is ≥ `size`. */
export const roundUp = (size: number, multiple: number): number =>
  Math.max(1, Math.ceil(size / multiple)) * multiple;

/** Padded length of a sequence: multiples of 16 up to 128, of 32 up to 256, of 64 up to 512, and so on. */
export const lengthBucket = (length: number): number => {
  let step = 16;
  while (length > step * 8) step *= 2;
  return roundUp(length, step);
};

/**
 * Padded rows of a batch whose rows take `width` tokens: as many as fit into `tokens`, or half of them, or a quarter, …,
 * whichever is the least that holds `rows`. So each width has few programs, and most rows run in the full one.
 */
export const rowBucket = (rows: number, width: number, tokens: number): number => {
  const most = fullRows(width, tokens);
  if (rows > most) return rows;
  let size = most;
  while (size > 1 && Math.ceil(size / 2) >= rows) size = Math.ceil(size / 2);
  return size;
};

/** Rows of `width` tokens that fit into a budget; at least one. Above 8 a multiple of 4: kernels like even sizes. */
export const fullRows = (width: number, tokens: number): number => {
  const rows = Math.max(1, Math.floor(tokens / width));
  return rows > 8 ? rows - (rows % 4) : rows;
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
