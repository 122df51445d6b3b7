/** Batched sampling with a key-value cache: one message to the backend a step, ids and log-probs back. */
import {
  type ComputeError,
  type GenerateRequest,
  type Generation,
  makeRandom,
  type Random,
  type Stop,
} from "@resd/core";
import type { DecoderConfig } from "@resd/models";
import { Effect } from "effect";
import { capacityBucket, lengthBucket } from "./buckets.ts";
import { cacheBytes } from "./decode_programs.ts";
import {
  type DecodeSession,
  type Drawn,
  makeDecodeSession,
  type SamplingData,
} from "./decode_session.ts";
import { bakesWeights, generationRows, planGeneration, roomOf } from "./generation_plan.ts";
import type { Programs } from "./programs.ts";
import type { Weights } from "./weights.ts";

/** Whose weights answer, on which programs, and what ends a reply. */
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

/** Sampling settings of every batch row; those beyond the group draw what nobody reads. */
const settings = (rows: ReadonlyArray<Row>, B: number): SamplingData => {
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

const begin = (request: GenerateRequest, maxContext: number): Row => ({
  request,
  random: makeRandom(request.seed),
  room: roomOf(request, maxContext),
  ids: [],
  logProbs: [],
  stop: undefined,
});

/** The session of a group: shapes from its longest prompt, and the rule of baked weights. */
const openSession = (
  { programs, config, parameters }: GenerationContext,
  rows: ReadonlyArray<Row>,
  weights: Weights,
): DecodeSession => {
  const { as, sampling } = (rows[0] as Row).request;
  const longest = Math.max(...rows.map(({ request }) => request.prompt.length));
  const whole = Math.max(...rows.map(({ request, room }) => request.prompt.length + room));
  const baked = bakesWeights(parameters, Math.max(...rows.map(({ room }) => room)));
  const promptLength = lengthBucket(longest, LENGTH_STEP, config.max_position_embeddings);
  // A baked program is not rebuilt for a larger cache, so its cache has its final size at once.
  const capacity = baked ? whole : Math.min(whole, longest + FIRST_ROOM);
  return makeDecodeSession({
    programs,
    config,
    weights: weights.arrays,
    // Below an adapter student and teacher have the same weights.
    baked: baked ? (config.lora === undefined ? as : "base") : undefined,
    topK: sampling.topK,
    promptLength,
    size: {
      B: generationRows(rows.length),
      C: capacityBucket(Math.max(promptLength, capacity)),
    },
  });
};

/** The rows to keep for the next step: all, or those alive once they fit into at most half of the batch. */
const rowsToKeep = (rows: ReadonlyArray<Row>, B: number): ReadonlyArray<Row> => {
  const alive = rows.filter(({ stop }) => stop === undefined);
  return generationRows(alive.length) <= B / 2 ? alive : rows;
};

/** Generates one group: prefill, then decode steps until every row has stopped. */
const generateGroup = Effect.fnUntraced(function* (
  context: GenerationContext,
  requests: ReadonlyArray<GenerateRequest>,
  weights: Weights,
): Effect.fn.Return<ReadonlyArray<Row>, ComputeError> {
  const all = requests.map((request) => begin(request, context.config.max_position_embeddings));
  const session = openSession(context, all, weights);
  let rows: ReadonlyArray<Row> = all;
  const take = ({ ids, logProbs }: Drawn): void =>
    rows.forEach((row, i) => {
      if (row.stop !== undefined) return;
      accept(row, ids[i] as number, logProbs[i] as number, context);
    });
  const run = Effect.gen(function* () {
    const { B } = session.size();
    take(
      yield* session.begin(
        requests.map(({ prompt }) => prompt),
        settings(rows, B),
      ),
    );
    while (rows.some(({ stop }) => stop === undefined)) {
      const { B: before, C } = session.size();
      const kept = rowsToKeep(rows, before);
      const needed = Math.max(
        ...kept.map((row) => (row.stop === undefined ? positionOf(row) + 1 : 0)),
      );
      const to = {
        B: kept === rows ? before : generationRows(kept.length),
        C: needed > C ? capacityBucket(needed) : C,
      };
      if (to.B !== before || to.C !== C) {
        const indices = kept.map((row) => rows.indexOf(row));
        yield* session.rearrange(indices, to);
        rows = kept;
      }
      const drawn = yield* session.step(
        rows.map(({ ids }) => ids.at(-1) as number),
        // A stopped row writes where it stopped, which nobody reads again.
        rows.map((row) => Math.min(positionOf(row), to.C - 1)),
        settings(rows, to.B),
      );
      take(drawn);
    }
  });
  yield* Effect.ensuring(run, session.release);
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
