/** Right-padded batches: what programs with static shapes are fed. */

/** Sequences under each other, [rows, width] row-major, filled up with zeros. */
export const padSequences = (
  sequences: ReadonlyArray<ArrayLike<number>>,
  rows: number,
  width: number,
): Int32Array => {
  const padded = new Int32Array(rows * width);
  sequences.forEach((sequence, row) => padded.set(sequence, row * width));
  return padded;
};

/** A list of known length, filled up with zeros. */
export const padIndices = (values: ArrayLike<number>, size: number): Int32Array => {
  const padded = new Int32Array(size);
  padded.set(values);
  return padded;
};
