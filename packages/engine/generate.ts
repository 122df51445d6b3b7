/** Batched sampling with a key-value cache: one message to the backend a step, ids and log-probs back. */
import {
  type ComputeError,
  type GenerateRequest,
  type Generation,
  type HostArray,
  makeRandom,
  type Random,
  type Stop,
} from "@resd/core";
import type { DecoderConfig } from "@resd/models";
import { Effect } from "effect";
import { type Arrays, prefixed, releaseArrays } from "./arrays.ts";
import { capacityBucket, lengthBucket } from "./buckets.ts";
import {
  type CacheSize,
  cacheBytes,
  cacheNames,
  decodeProgram,
  prefillProgram,
  rearrangeProgram,
} from "./decode_programs.ts";
import { bakesWeights, generationRows, planGeneration, roomOf } from "./generation_plan.ts";
import { padIndices, padSequences } from "./padding.ts";
import type { Programs } from "./programs.ts";
import type { Weights } from "./weights.ts";

export interface GenerationContext {
  readonly programs: Programs;
  readonly config: DecoderConfig;
  /** Number of parameters, for the rule of baked weights. */
  readonly parameters: number;
  /** Ids that end a generation. */
  readonly ends: ReadonlySet<number>;
  /** Text of ids, for stop strings. */
  readonly decode: (ids: Int32Array) => string;
  readonly maxRows: number;
}

/** One request while it is being answered. */
interface Row {
  readonly request: GenerateRequest;
  readonly random: Random;
  readonly room: number;
  readonly ids: Array<number>;
  readonly logProbs: Array<number>;
  stop: Stop | undefined;
}

const LENGTH_STEP = 32;

/** Bytes of all caches of one group. */
const CACHE_BUDGET = 2 ** 30;

/** Free positions a cache starts with: it grows when a row needs more. */
const FIRST_ROOM = 32;

/** The draw as f32 holds it: 24 bits, so that it never rounds up to 1. */
const uniform = (random: Random): number => Math.floor(random.next() * 2 ** 24) / 2 ** 24;

/** Whether the text of the last tokens contains a stop string: each of its characters came from at most one token. */
const endsByText = (row: Row, decode: GenerationContext["decode"]): boolean => {
  const { stop } = row.request.sampling;
  if (stop.length === 0) return false;
  const reach = Math.max(...stop.map((text) => text.length)) * 4 + 8;
  const text = decode(Int32Array.from(row.ids.slice(-reach)));
  return stop.some((wanted) => text.includes(wanted));
};

const accept = (row: Row, id: number, logProb: number, context: GenerationContext): void => {
  row.ids.push(id);
  row.logProbs.push(logProb);
  if (context.ends.has(id)) row.stop = "eos";
  else if (endsByText(row, context.decode)) row.stop = "stop_string";
  else if (row.ids.length >= row.room) row.stop = "max_tokens";
};

/** The position of the token that the next step reads: the last one sampled. */
const positionOf = ({ request, ids }: Row): number => request.prompt.length + ids.length - 1;

/** Host data per batch row; rows beyond the group repeat nothing and are ignored. */
const settings = (rows: ReadonlyArray<Row>, B: number): Record<string, HostArray> => {
  const perRow = (of: (row: Row) => number): Float32Array => {
    const values = new Float32Array(B);
    rows.forEach((row, i) => (values[i] = of(row)));
    return values;
  };
  return {
    uniform: perRow((row) => (row.stop === undefined ? uniform(row.random) : 0)),
    temperature: perRow((row) => row.request.sampling.temperature),
    topP: perRow((row) => row.request.sampling.topP).fill(1, rows.length),
  };
};

/** Generates one group: prefill, then decode steps until every row has stopped. */
const generateGroup = Effect.fnUntraced(function* (
  context: GenerationContext,
  requests: ReadonlyArray<GenerateRequest>,
  weights: Weights,
): Effect.fn.Return<ReadonlyArray<Row>, ComputeError> {
  const { programs, config } = context;
  const { as, sampling } = requests[0] as GenerateRequest;
  const all: ReadonlyArray<Row> = requests.map((request) => ({
    request,
    random: makeRandom(request.seed),
    room: roomOf(request, config.max_position_embeddings),
    ids: [],
    logProbs: [],
    stop: undefined,
  }));
  const steps = Math.max(...all.map(({ room }) => room));
  const longest = Math.max(...requests.map(({ prompt }) => prompt.length));
  const whole = Math.max(...all.map(({ request, room }) => request.prompt.length + room));
  const baked = bakesWeights(context.parameters, steps);
  const T = lengthBucket(longest, LENGTH_STEP, config.max_position_embeddings);
  let size: CacheSize = {
    B: generationRows(requests.length),
    // A baked program is not rebuilt for a larger cache, so its cache has its final size at once.
    C: capacityBucket(Math.max(T, baked ? whole : Math.min(whole, longest + FIRST_ROOM))),
  };
  const parameters = prefixed("p/", weights.arrays);
  const names = cacheNames(config);
  const { topK } = sampling;
  const read = ["ids", "logProbs"];
  let rows = all;
  let caches: Arrays = {};

  const finish = (values: Readonly<Record<string, ArrayLike<number>>>): void => {
    rows.forEach((row, i) => {
      if (row.stop !== undefined) return;
      accept(row, values["ids"]?.[i] as number, values["logProbs"]?.[i] as number, context);
    });
  };

  const start = Effect.gen(function* () {
    const program = yield* programs.get(`prefill/${size.B}x${T}/${size.C}/${topK}`, () =>
      prefillProgram(config, size, T, topK),
    );
    const inputs = {
      ...parameters,
      ids: padSequences(
        requests.map(({ prompt }) => prompt),
        size.B,
        T,
      ),
      lengths: padIndices(
        requests.map(({ prompt }) => prompt.length),
        size.B,
      ).fill(1, requests.length),
      ...settings(rows, size.B),
    };
    const { arrays, values } = yield* program.run(inputs, { read });
    caches = arrays;
    finish(values);
  });

  /** Drops stopped rows when at most half are left, and grows the caches when a row has filled its own. */
  const rearrange = Effect.fnUntraced(function* (alive: ReadonlyArray<Row>) {
    const fewer =
      generationRows(alive.length) <= size.B / 2 ? generationRows(alive.length) : size.B;
    const needed = Math.max(...alive.map(positionOf)) + 1;
    const to = { B: fewer, C: needed > size.C ? capacityBucket(needed) : size.C };
    if (to.B === size.B && to.C === size.C) return;
    const kept = to.B === size.B ? rows : alive;
    const indices = kept.map((row) => rows.indexOf(row));
    const from = size;
    const program = yield* programs.get(`rearrange/${from.B}x${from.C}/${to.B}x${to.C}`, () =>
      rearrangeProgram(config, from, to),
    );
    const { arrays } = yield* program.run({ ...caches, rows: padIndices(indices, to.B) });
    caches = arrays;
    rows = kept;
    size = to;
  });

  const step = Effect.fnUntraced(function* () {
    const { B, C } = size;
    const key = `decode/${B}x${C}/${topK}${baked ? `/${as}` : ""}`;
    const program = yield* programs.get(key, () => decodeProgram(config, size, topK, baked));
    const inputs = {
      ...parameters,
      ...caches,
      tokens: padIndices(
        rows.map(({ ids }) => ids.at(-1) as number),
        B,
      ),
      // A stopped row writes where it stopped, which nobody reads again.
      positions: padIndices(
        rows.map((row) => Math.min(positionOf(row), C - 1)),
        B,
      ),
      ...settings(rows, B),
    };
    const { arrays, values } = yield* program.run(inputs, { read });
    caches = arrays;
    finish(values);
  });

  yield* Effect.gen(function* () {
    yield* start;
    for (;;) {
      const alive = rows.filter(({ stop }) => stop === undefined);
      if (alive.length === 0) return;
      yield* rearrange(alive);
      yield* step();
    }
  }).pipe(
    // After a failure some handles are spent already: what can be released is.
    Effect.ensuring(
      Effect.suspend(() =>
        Effect.forEach(names, (name) => {
          const array = caches[name];
          return array === undefined
            ? Effect.void
            : Effect.ignore(releaseArrays(programs.compute, { array }));
        }),
      ),
    ),
  );
  return all;
});

/**
 * Answers in request order. The text of a request depends on its prompt, its seed and the weights; on the rest of the
 * list only through the rounding of batched kernels.
 *
 * Prompts must be shorter than the context (checked by the policy). A generation that reaches the context's end stops
 * with `max_tokens`.
 */
export const generateBatch = Effect.fnUntraced(function* <E = never>(
  context: GenerationContext,
  requests: ReadonlyArray<GenerateRequest>,
  weightsOf: (as: GenerateRequest["as"]) => Effect.Effect<Weights, E>,
): Effect.fn.Return<ReadonlyArray<Generation>, ComputeError | E> {
  const { config } = context;
  const groups = planGeneration(requests, {
    maxRows: context.maxRows,
    cacheBudget: CACHE_BUDGET,
    rowBytes: (capacity) => cacheBytes(config, capacity),
    maxContext: config.max_position_embeddings,
  });
  const answers: Array<Generation> = Array.from({ length: requests.length });
  for (const { indices } of groups) {
    const members = indices.map((index) => requests[index] as GenerateRequest);
    const weights = yield* weightsOf((members[0] as GenerateRequest).as);
    const rows = yield* generateGroup(context, members, weights);
    rows.forEach((row, i) => {
      answers[indices[i] as number] = {
        ids: Int32Array.from(row.ids),
        logProbs: Float32Array.from(row.logProbs),
        stop: row.stop as Stop,
        policyVersion: weights.version,
      };
    });
  }
  return answers;
});
