/** Batched sampling with a key-value cache: one message to the backend a step, ids and log-probs back. */
import type { ComputeError, GenerateRequest, Generation } from "@resd/core";
import type { DecoderConfig } from "@resd/models";
import { Effect } from "effect";
import { capacityBucket, lengthBucket } from "./buckets.ts";
import { cacheBytes } from "./decode_programs.ts";
import { type DecodeSession, type Drawn, makeDecodeSession } from "./decode_session.ts";
import {
  bakesWeights,
  generationRows,
  planGeneration,
  refillRows,
  roomOf,
  worthRebuilding,
} from "./generation_plan.ts";
import {
  type Ends,
  type Row,
  accept,
  answerOf,
  beginRow,
  isAlive,
  positionOf,
  settingsOf,
} from "./generation_row.ts";
import type { Programs } from "./programs.ts";
import type { Weights } from "./weights.ts";

/** Whose weights answer, on which programs, and what ends a reply. */
export interface GenerationContext extends Ends {
  readonly programs: Programs;
  readonly config: DecoderConfig;
  /** Number of parameters, for the rule of baked weights. */
  readonly parameters: number;
  readonly maxRows: number;
}

const LENGTH_STEP = 32;

/** Bytes of all caches of one group. */
export const CACHE_BUDGET = 2 ** 30;

/** Free positions a cache starts with: it grows when a row needs more. */
const FIRST_ROOM = 32;

/** A session, and whether its decode program has the weights baked in. */
interface Opened {
  readonly session: DecodeSession;
  readonly baked: boolean;
}

/** The session of a group: shapes from its longest prompt, and the rule of baked weights. */
const openSession = (
  { programs, config, parameters }: GenerationContext,
  all: ReadonlyArray<Row>,
  batchRows: number,
  weights: Weights,
): Opened => {
  const { as, sampling } = (all[0] as Row).request;
  const first = all.slice(0, batchRows);
  const longest = Math.max(...first.map(({ request }) => request.prompt.length));
  const whole = Math.max(...all.map(({ request, room }) => request.prompt.length + room));
  const baked = bakesWeights(parameters, Math.max(...all.map(({ room }) => room)));
  const most = config.max_position_embeddings;
  const promptLength = lengthBucket(longest, LENGTH_STEP, most);
  // Later prompts are read at the cache's capacity too; those of one group come in order of their length.
  const last = lengthBucket((all.at(-1) as Row).request.prompt.length, LENGTH_STEP, most);
  // A baked program is not rebuilt for a larger cache, so its cache has its final size at once; so has one that is refilled.
  const fixed = baked || first.length < all.length;
  const capacity = fixed ? whole : Math.min(whole, longest + FIRST_ROOM);
  const session = makeDecodeSession({
    programs,
    config,
    weights: weights.arrays,
    // Below an adapter student and teacher have the same weights.
    baked: baked ? (config.lora === undefined ? as : "base") : undefined,
    topK: sampling.topK,
    promptLength,
    size: {
      B: generationRows(first.length),
      C: capacityBucket(Math.max(last, promptLength, capacity)),
    },
  });
  return { session, baked };
};

/** The rows to keep for the next step: all, or those alive once they fit into a batch that is enough smaller. */
const rowsToKeep = (rows: ReadonlyArray<Row>, B: number, baked: boolean): ReadonlyArray<Row> => {
  const alive = rows.filter(isAlive);
  const fewer = generationRows(alive.length);
  if (!baked) return fewer <= B / 2 ? alive : rows;
  const steps = Math.max(0, ...alive.map(({ room, ids }) => room - ids.length));
  return worthRebuilding(B, fewer, steps) ? alive : rows;
};

/**
 * Generates one group: prefill, then decode steps until every row has stopped. Where there are more requests than rows,
 * the next ones take the places of rows that have stopped, a quarter of the batch at a time.
 */
const generateGroup = Effect.fnUntraced(function* (
  context: GenerationContext,
  requests: ReadonlyArray<GenerateRequest>,
  batchRows: number,
  weights: Weights,
): Effect.fn.Return<ReadonlyArray<Row>, ComputeError> {
  const { config } = context;
  const all = requests.map((request) => beginRow(request, config.max_position_embeddings));
  const { session, baked } = openSession(context, all, batchRows, weights);
  let rows: ReadonlyArray<Row> = all.slice(0, batchRows);
  let waiting = all.slice(batchRows);
  const take = (taking: ReadonlyArray<Row>, { ids, logProbs }: Drawn): void =>
    taking.forEach((row, i) => {
      if (isAlive(row)) accept(row, ids[i] as number, logProbs[i] as number, context);
    });

  const refill = Effect.fnUntraced(function* (free: ReadonlyArray<number>, B: number) {
    const joining = waiting.slice(0, Math.min(refillRows(B), free.length));
    const slots = free.slice(0, joining.length);
    const prompts = joining.map(({ request }) => request.prompt);
    waiting = waiting.slice(joining.length);
    const longest = Math.max(...prompts.map(({ length }) => length));
    const T = lengthBucket(longest, LENGTH_STEP, config.max_position_embeddings);
    const settings = settingsOf(joining, refillRows(B));
    const drawn = yield* session.refill(slots, prompts, { T, B: refillRows(B) }, settings);
    const next = [...rows];
    slots.forEach((slot, i) => (next[slot] = joining[i] as Row));
    rows = next;
    take(joining, drawn);
  });

  const run = Effect.gen(function* () {
    const { B } = session.size();
    const prompts = rows.map(({ request }) => request.prompt);
    take(rows, yield* session.begin(prompts, settingsOf(rows, B)));
    while (waiting.length > 0 || rows.some(isAlive)) {
      const { B: before, C } = session.size();
      if (waiting.length > 0) {
        const free = rows.flatMap((row, slot) => (isAlive(row) ? [] : [slot]));
        if (free.length >= Math.min(refillRows(before), waiting.length)) {
          yield* refill(free, before);
          continue;
        }
      }
      const kept = waiting.length > 0 ? rows : rowsToKeep(rows, before, baked);
      const needed = Math.max(...kept.map((row) => (isAlive(row) ? positionOf(row) + 1 : 0)));
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
        settingsOf(rows, to.B),
      );
      take(rows, drawn);
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
  const { config, parameters } = context;
  const maxContext = config.max_position_embeddings;
  const steps = Math.max(0, ...requests.map((request) => roomOf(request, maxContext)));
  const groups = planGeneration(requests, {
    maxRows: context.maxRows,
    cacheBudget: CACHE_BUDGET,
    rowBytes: (capacity) => cacheBytes(config, capacity),
    maxContext,
    // What makes baking pay makes refilling pay: steps that cost far more than reading a prompt into a row.
    refills: bakesWeights(parameters, steps),
  });
  const answers: Array<Generation> = Array.from({ length: requests.length });
  for (const { indices, rows: batchRows } of groups) {
    const members = indices.map((index) => requests[index] as GenerateRequest);
    const weights = yield* weightsOf((members[0] as GenerateRequest).as);
    const rows = yield* generateGroup(context, members, batchRows, weights);
    rows.forEach((row, i) => {
      answers[indices[i] as number] = answerOf(row, weights.version);
    });
  }
  return answers;
});
