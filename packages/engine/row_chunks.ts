/**
 * Work on [rows, vocabulary] in chunks of rows, one after another: all of the logits of a batch, their distributions
 * and their gradients never exist at once. What leaves a chunk is small: numbers a row, and sums.
 */
import {
  add,
  after,
  concat,
  customVjp,
  gradient,
  mul,
  sliceAxis,
  stopGradient,
  type Tensor,
} from "@resd/tensor";

/** Where a chunk begins and ends. */
type Range = readonly [from: number, to: number];

/** Chunks of equal size but for the last, none of more than `size` rows. */
export const rangesOf = (rows: number, size: number): ReadonlyArray<Range> => {
  const count = Math.max(1, Math.ceil(rows / size));
  const even = Math.max(1, Math.ceil(rows / count));
  return Array.from({ length: Math.ceil(rows / even) }, (_, i): Range => [
    i * even,
    Math.min(rows, (i + 1) * even),
  ]);
};

/** What is worked on: hidden states [N, …] of one or more models, of which the first gets gradients. */
export interface Rows {
  readonly states: ReadonlyArray<Tensor>;
  /** Rows of a chunk, at most. */
  readonly size: number;
}

/** Of one chunk: its states, and the way to cut anything else that has a value a row. */
export interface Chunk {
  readonly states: ReadonlyArray<Tensor>;
  readonly cut: (perRow: Tensor) => Tensor;
}

/** Values a row, by name. */
type PerRow = Readonly<Record<string, Tensor>>;

const rowsOf = ({ states }: Rows): number => states[0]?.shape[0] ?? 0;

const chunkOf = ({ states }: Rows, [from, to]: Range, before: ReadonlyArray<Tensor>): Chunk => ({
  states: states.map((x) => after(sliceAxis(x, 0, from, to), before)),
  cut: (x) => sliceAxis(x, 0, from, to),
});

const wholeOf = ({ states }: Rows): Chunk => ({ states, cut: (x) => x });

/** Values of all rows from those of every chunk. */
const joined = <K extends string>(parts: ReadonlyArray<Record<K, Tensor>>): Record<K, Tensor> =>
  Object.fromEntries(
    Object.keys(parts[0] ?? {}).map((name) => [
      name,
      concat(
        parts.map((part) => part[name as K]),
        0,
      ),
    ]),
  ) as Record<K, Tensor>;

/** `of` every chunk of rows, its results joined again. No gradients. */
export const mapInChunks = <K extends string>(
  rows: Rows,
  of: (chunk: Chunk) => Record<K, Tensor>,
): Record<K, Tensor> => {
  if (rowsOf(rows) <= rows.size) return of(wholeOf(rows));
  const parts: Array<Record<K, Tensor>> = [];
  for (const range of rangesOf(rowsOf(rows), rows.size)) {
    const before = Object.values<Tensor>(parts.at(-1) ?? {}).filter(({ dtype }) => dtype === "f32");
    parts.push(of(chunkOf(rows, range, before)));
  }
  return joined(parts);
};

/** A loss that is a sum over rows. */
export interface ChunkedLoss<P extends PerRow> {
  /** A scalar with gradients towards the first of the states, and the weights. */
  readonly loss: Tensor;
  readonly perRow: P;
}

/**
 * The sum of `of` over all chunks of rows. The gradient of a chunk is taken before the next one begins, which it can be
 * because a sum has the same gradient towards each of its parts.
 *
 * @param weights what `of` uses besides the states that gets a gradient, as it is given to it
 */
export const lossInChunks = <P extends PerRow>(
  rows: Rows,
  weights: ReadonlyArray<Tensor>,
  of: (chunk: Chunk) => ChunkedLoss<P>,
): ChunkedLoss<P> => {
  if (rowsOf(rows) <= rows.size) return of(wholeOf(rows));
  const losses: Array<Tensor> = [];
  const perRow: Array<P> = [];
  const dStates: Array<Tensor> = [];
  let dWeights: ReadonlyArray<Tensor> = [];
  let before: ReadonlyArray<Tensor> = [];
  for (const range of rangesOf(rowsOf(rows), rows.size)) {
    const whole = chunkOf(rows, range, before);
    // A gradient stops at the chunk's own rows: what made them gets all rows together.
    const states = whole.states.map(stopGradient);
    const part = of({ ...whole, states });
    const [first] = states as [Tensor];
    const [dFirst, ...own] = gradient(part.loss, [first, ...weights]) as [Tensor, ...Array<Tensor>];
    dWeights = dWeights.length === 0 ? own : own.map((grad, i) => add(dWeights[i] as Tensor, grad));
    losses.push(part.loss);
    perRow.push(part.perRow);
    dStates.push(dFirst);
    before = [
      dFirst,
      ...dWeights,
      ...Object.values<Tensor>(part.perRow).filter(({ dtype }) => dtype === "f32"),
    ];
  }
  const loss = customVjp(
    [rows.states[0] as Tensor, ...weights],
    () => losses.reduce(add),
    (grad) => [mul(grad, concat(dStates, 0)), ...dWeights.map((one) => mul(grad, one))],
  );
  return { loss, perRow: joined(perRow) as P };
};
