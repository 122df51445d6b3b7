/**
 * The similarity seam: which lessons say the same, and which have to do with a task. What is there without a plugin goes
 * by letters and words; a plugin may go by meaning.
 */
import { Context, Effect, Schema } from "effect";

/** A measure that cannot be taken at all, such as a model that does not load. */
export class SimilarityError extends Schema.TaggedError<SimilarityError>()("SimilarityError", {
  message: Schema.String,
}) {}

/** Measures between 0 and 1; the same texts give the same numbers. */
export interface SimilarityShape {
  /** Names the measure in results: `shingles`, or the model. */
  readonly name: string;
  /** How far each query and each text say the same; 1 for equal texts. One row per query. */
  readonly alike: (
    queries: ReadonlyArray<string>,
    texts: ReadonlyArray<string>,
  ) => Effect.Effect<ReadonlyArray<Float64Array>, SimilarityError>;
  /** How much each text has to do with a task. */
  readonly relevance: (
    task: string,
    texts: ReadonlyArray<string>,
  ) => Effect.Effect<Float64Array, SimilarityError>;
}

/** Letters of a shingle: short enough for inflected words, long enough to be rare. */
const LETTERS = 4;

const wordsOf = (text: string): ReadonlyArray<string> =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");

const NEGATION =
  /^(?:not|never|no|none|nor|neither|without|avoid|except|unless|cannot|\p{L}+n't)$/u;

/**
 * What two texts have to share to say the same, however alike their letters are: numbers, names in capitals, and words
 * that negate.
 */
const marksOf = (text: string): string => {
  const marks = new Set<string>();
  for (const word of text.normalize("NFKC").split(/[^\p{L}\p{N}']+/u)) {
    if (/\p{N}/u.test(word) || /^\p{Lu}{2,}$/u.test(word)) marks.add(word);
    else if (NEGATION.test(word.toLowerCase())) marks.add(word.toLowerCase());
  }
  return [...marks].toSorted().join(" ");
};

interface Shingles {
  readonly marks: string;
  readonly set: ReadonlySet<string>;
}

const shinglesOf = (text: string): Shingles => {
  const line = ` ${wordsOf(text).join(" ")} `;
  const set = new Set<string>();
  for (let i = 0; i + LETTERS <= line.length; i++) set.add(line.slice(i, i + LETTERS));
  if (set.size === 0) set.add(line);
  return { marks: marksOf(text), set };
};

/** Jaccard's index of every query with every text: shared shingles over all of theirs. */
const shingleSimilarity = (
  queries: ReadonlyArray<string>,
  texts: ReadonlyArray<string>,
): ReadonlyArray<Float64Array> => {
  const known = texts.map(shinglesOf);
  const places = new Map<string, Array<number>>();
  for (const [i, { set }] of known.entries()) {
    for (const shingle of set) {
      const found = places.get(shingle);
      if (found === undefined) places.set(shingle, [i]);
      else found.push(i);
    }
  }
  return queries.map((query) => {
    const { set, marks } = shinglesOf(query);
    const shared = new Float64Array(texts.length);
    for (const shingle of set) for (const i of places.get(shingle) ?? []) shared[i]!++;
    return shared.map((both, i) => {
      const other = known[i] as Shingles;
      if (other.marks !== marks) return 0;
      return both / (set.size + other.set.size - both);
    });
  });
};

/**
 * The share of a text's words that the task has too, where a word counts the more the fewer of the texts have it
 * (ln(1 + N/n) for n of N texts).
 */
const wordRelevance = (task: string, texts: ReadonlyArray<string>): Float64Array => {
  const asked = new Set(wordsOf(task));
  const words = texts.map((text) => new Set(wordsOf(text)));
  const counts = new Map<string, number>();
  for (const set of words) for (const word of set) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Float64Array.from(words, (set) => {
    let all = 0;
    let shared = 0;
    for (const word of set) {
      const weight = Math.log1p(texts.length / (counts.get(word) ?? 1));
      all += weight;
      if (asked.has(word)) shared += weight;
    }
    return all === 0 ? 0 : shared / all;
  });
};

/**
 * Similarity by letters and words: shingles of four letters for what says the same, weighted words for relevance. Texts
 * that differ in a number, a name in capitals or a negation never say the same.
 */
export const lexicalSimilarity: SimilarityShape = {
  name: "shingles",
  alike: (queries, texts) => Effect.sync(() => shingleSimilarity(queries, texts)),
  relevance: (task, texts) => Effect.sync(() => wordRelevance(task, texts)),
};

/** The similarity of a run: lexical, unless a layer says otherwise. */
export const Similarity = Context.Reference<SimilarityShape>("@resd/core/Similarity", {
  defaultValue: () => lexicalSimilarity,
});
