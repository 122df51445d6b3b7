/** Similarity by embeddings. */
import { Similarity, SimilarityError, decodeOptions } from "@resd/core";
import { ModelOptions, loadModel } from "@resd/transformers-node";
import { Effect, Layer, Schema } from "effect";

export const Options = Schema.Struct({
  ...ModelOptions.fields,
  /** How the tokens of a text become one vector; what the model was trained with. */
  pooling: Schema.Literals(["mean", "cls", "last_token"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("mean" as const)),
  ),
  /** Texts that are embedded at once. */
  batchSize: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1024 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(16)),
  ),
  /** Embeddings that are remembered: lessons are compared again in every update. */
  remembered: Schema.Int.check(Schema.isGreaterThan(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(50_000)),
  ),
});

/** Cosine of two vectors of length 1, as a number between 0 and 1: opposites have nothing to do with each other. */
const cosine = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return Math.min(1, Math.max(0, sum));
};

/** The similarity of a run by a local embedding model. */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Similarity,
    Effect.gen(function* () {
      const decoded = yield* decodeOptions("similarity-transformers", Options, options);
      const { model, pooling, batchSize, remembered } = decoded;
      const embedder = yield* loadModel(
        decoded,
        ({ pipeline }, name, pretrained) => pipeline("feature-extraction", name, pretrained),
        (loaded) => loaded.dispose(),
      ).pipe(Effect.mapError(({ message }) => new SimilarityError({ message })));
      const known = new Map<string, Float32Array>();

      const embedBatch = (texts: ReadonlyArray<string>) =>
        Effect.tryPromise({
          // Empty texts have no tokens to take the mean of.
          try: () =>
            embedder(
              texts.map((text) => (text.trim() === "" ? "." : text)),
              { pooling, normalize: true },
            ),
          catch: (cause) =>
            new SimilarityError({
              message: `Expected embeddings by ${model}, got: ${cause instanceof Error ? cause.message : String(cause)}; take another model, or --similarity.use=lexical`,
            }),
        });

      /** Embeddings in the order of the texts; each text is embedded once. */
      const embed = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
        const vectors = new Map<string, Float32Array>();
        const unknown = new Set<string>();
        for (const text of texts) {
          const vector = known.get(text);
          if (vector === undefined) unknown.add(text);
          else vectors.set(text, vector);
        }
        const wanted = [...unknown];
        for (let from = 0; from < wanted.length; from += batchSize) {
          const some = wanted.slice(from, from + batchSize);
          const { data, dims } = yield* embedBatch(some);
          const length = dims.at(-1) ?? 0;
          const numbers = Float32Array.from(data as Float32Array);
          for (const [i, text] of some.entries()) {
            const vector = numbers.slice(i * length, (i + 1) * length);
            vectors.set(text, vector);
            known.set(text, vector);
          }
        }
        for (const text of known.keys()) {
          if (known.size <= remembered) break;
          known.delete(text);
        }
        return texts.map((text) => vectors.get(text) as Float32Array);
      });

      return {
        name: model,
        alike: Effect.fnUntraced(function* (queries, texts) {
          const vectors = yield* embed([...queries, ...texts]);
          const others = vectors.slice(queries.length);
          return queries.map((query, row) =>
            Float64Array.from(others, (other, i) =>
              texts[i] === query ? 1 : cosine(vectors[row] as Float32Array, other),
            ),
          );
        }),
        relevance: Effect.fnUntraced(function* (task, texts) {
          if (texts.length === 0) return new Float64Array(0);
          const [asked, ...others] = yield* embed([task, ...texts]);
          return Float64Array.from(others, (other) => cosine(asked as Float32Array, other));
        }),
      };
    }),
  );
