/** Log-probabilities of given tokens, in batches. */
import type { ComputeError, HostArray, Score, ScoreRequest } from "@resd/core";
import { type DecoderConfig, logits, parameterInputs } from "@resd/models";
import { gatherLast, graph, input, logSoftmax, reshape, type Tensor, topK } from "@resd/tensor";
import { Effect } from "effect";
import { prefixed } from "./arrays.ts";
import { evenRows, gatherBucket, lengthBucket } from "./buckets.ts";
import { logitRows, stateRows } from "./language_rows.ts";
import { planEvenly } from "./micro_batch.ts";
import { padIndices, padSequences } from "./padding.ts";
import type { Programs, ProgramSource } from "./programs.ts";
import { mapInChunks } from "./row_chunks.ts";
import type { Weights } from "./weights.ts";

export interface ScoreContext {
  readonly programs: Programs;
  readonly config: DecoderConfig;
  /** Padded tokens a program runs at once. */
  readonly microBatchTokens: number;
  /** Rows of logits at once, unless as many as usual. */
  readonly rows?: number;
}

const LENGTH_STEP = 32;

interface ScoreShape {
  readonly B: number;
  readonly T: number;
  readonly N: number;
  /** Most probable tokens to report; 0 for none. */
  readonly K: number;
}

const scoreProgram = (
  config: DecoderConfig,
  { B, T, N, K }: ScoreShape,
  size: number,
): ProgramSource => {
  const ids = input("ids", [B, T], "i32");
  const rows = input("rows", [N], "i32");
  const parameters = parameterInputs(config, "p/");
  const states = stateRows(config, parameters, ids, rows);
  const outputs = mapInChunks({ states: [states], size }, ({ states: [own], cut }) => {
    const logP = logSoftmax(logits(config, parameters, own as Tensor));
    const targets = cut(input("targets", [N], "i32"));
    const n = targets.shape[0] as number;
    const results: Record<string, Tensor> = {
      logProbs: reshape(gatherLast(logP, reshape(targets, [n, 1])), [n]),
    };
    if (K > 0) {
      const { values, indices } = topK(logP, K);
      results["topLogProbs"] = values;
      results["topIds"] = indices;
    }
    return results;
  });
  return { graph: graph(outputs, { name: `score ${B}x${T}` }) };
};

const scoreGroup = Effect.fnUntraced(function* (
  { programs, config, rows: size = logitRows(config) }: ScoreContext,
  items: ReadonlyArray<ScoreRequest>,
  K: number,
  weights: Weights,
): Effect.fn.Return<ReadonlyArray<Score>, ComputeError> {
  // The last token is only predicted, never read.
  const sequences = items.map(({ ids }) => ids.subarray(0, ids.length - 1));
  const longest = Math.max(...sequences.map(({ length }) => length));
  const T = lengthBucket(longest, LENGTH_STEP, config.max_position_embeddings);
  const B = evenRows(items.length);
  const counts = items.map(({ ids, from }) => ids.length - from);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const N = gatherBucket(total, B * T);
  const rows = items.flatMap(({ from }, row) =>
    Array.from({ length: counts[row] as number }, (_, t) => row * T + from + t - 1),
  );
  const shape = { B, T, N, K };
  const program = yield* programs.get(`score/${B}x${T}/${N}/${K}/${size}`, () =>
    scoreProgram(config, shape, size),
  );
  const targets = padIndices(
    items.flatMap(({ ids, from }) => Array.from(ids.subarray(from))),
    N,
  );
  const inputs: Record<string, HostArray> = {
    ids: padSequences(sequences, B, T),
    rows: padIndices(rows, N),
    targets,
  };
  const read = K > 0 ? ["logProbs", "topLogProbs", "topIds"] : ["logProbs"];
  const { values } = yield* program.run({ ...inputs, ...prefixed("p/", weights.arrays) }, { read });
  let at = 0;
  return counts.map((count) => {
    const start = at;
    at += count;
    const part = (name: string, width: number) =>
      (values[name] as HostArray).slice(start * width, at * width);
    const logProbs = part("logProbs", 1) as Float32Array;
    if (K === 0) return { logProbs };
    const top = {
      ids: part("topIds", K) as Int32Array,
      logProbs: part("topLogProbs", K) as Float32Array,
    };
    return { logProbs, top };
  });
});

/** Scores in request order. Requests are checked by the policy: 1 ≤ from ≤ ids.length ≤ context. */
export const scoreBatch = Effect.fnUntraced(function* <E = never>(
  context: ScoreContext,
  items: ReadonlyArray<ScoreRequest>,
  weightsOf: (as: ScoreRequest["as"]) => Effect.Effect<Weights, E>,
): Effect.fn.Return<ReadonlyArray<Score>, ComputeError | E> {
  const V = context.config.vocab_size;
  const answers: Array<Score> = items.map(() => ({ logProbs: new Float32Array(0) }));
  const kinds = new Map<string, Array<number>>();
  items.forEach(({ as, topK: k = 0, ids, from }, index) => {
    if (from === ids.length) return;
    const key = `${as}/${Math.min(k, V)}`;
    const kind = kinds.get(key);
    if (kind === undefined) kinds.set(key, [index]);
    else kind.push(index);
  });
  for (const indices of kinds.values()) {
    const members = indices.map((index) => items[index] as ScoreRequest);
    const { as, topK: k = 0 } = members[0] as ScoreRequest;
    const weights = yield* weightsOf(as);
    const groups = planEvenly(
      members.map(({ ids }) => ({ lengths: [ids.length - 1] })),
      { tokens: context.microBatchTokens, step: LENGTH_STEP },
    );
    for (const group of groups) {
      const scores = yield* scoreGroup(
        context,
        group.map((index) => members[index] as ScoreRequest),
        Math.min(k, V),
        weights,
      );
      scores.forEach((score, i) => {
        answers[indices[group[i] as number] as number] = score;
      });
    }
  }
  return answers;
});
