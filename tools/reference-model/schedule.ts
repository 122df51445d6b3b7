/** How the reference model's training goes along: learning rate, curriculum and the order of documents. */
import { makeRandom } from "@resd/core";
import { fullRows, lengthBucket } from "@resd/engine";
import { documentAt, type MixtureName, type PretrainingDocument } from "./documents.ts";
import { wordId } from "./tokenizer.ts";

/** Linear warm-up over `warmup` steps, then a cosine from 1 to `floor` over the budget of tokens. */
export const rateAt = (
  step: number,
  progress: number,
  { warmup, floor }: { readonly warmup: number; readonly floor: number },
): number =>
  Math.min(1, (step + 1) / warmup) *
  (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress))));

/** Share of full-difficulty documents: rises linearly from `start` to 0.95 over the first `span` of the budget. */
export const levelAt = (
  progress: number,
  { start, span }: { readonly start: number; readonly span: number },
): number => Math.min(0.95, start + ((1 - start) * progress) / span);

/** A document as ids; target −1 where nothing is learned. */
export interface TrainingSequence {
  readonly ids: Int32Array;
  readonly targets: Int32Array;
}

const sequenceOf = (document: PretrainingDocument): TrainingSequence => ({
  ids: Int32Array.from(document.words, wordId),
  targets: Int32Array.from(document.targets, (word) => (word === null ? -1 : wordId(word))),
});

/** Documents drawn together, so that batches hold sequences of one length and little is padding. */
const POOL = 600;

/**
 * Batches of at most `tokens` padded tokens each. The documents of a pool are sorted by length and cut where a program
 * of the trainer is full, then the batches are shuffled: the order depends on the seed alone. What does not fill a
 * batch waits for the next pool.
 */
export const makeBatches = (seed: number, tokens: number, mixture: MixtureName) => {
  let index = 0;
  let waiting: Array<Array<TrainingSequence>> = [];
  let left: Array<TrainingSequence> = [];
  return (level: number): ReadonlyArray<TrainingSequence> => {
    if (waiting.length === 0) {
      const first = index;
      const drawn = Array.from({ length: POOL }, () =>
        sequenceOf(documentAt(seed, index++, level, mixture)),
      );
      const pool = [...left, ...drawn].toSorted((a, b) => a.ids.length - b.ids.length);
      left = [];
      const batches: Array<Array<TrainingSequence>> = [];
      for (const group of Map.groupBy(pool, ({ ids }) => lengthBucket(ids.length))) {
        const [width, sequences] = group;
        const rows = fullRows(width, tokens);
        while (sequences.length >= rows) batches.push(sequences.splice(0, rows));
        left.push(...sequences);
      }
      waiting = makeRandom("reference-model", seed, "batches", first).shuffle(batches);
    }
    return waiting.pop()!;
  };
};
