/** Replies of uneven length: rows that are refilled as soon as their reply has ended, beside one batch after another. */
import { Compute, type GenerateRequest, makeRandom } from "@resd/core";
import { generateBatch, makePrograms } from "@resd/engine";
import { parameterCount } from "@resd/models";
import { Effect } from "effect";
import { BenchError } from "./bench_error.ts";
import { putFreshWeights, SEED } from "./exchange.ts";
import { inTurns, measurement, timed, tokensPerSecond } from "./measurement.ts";
import type { Size } from "./sizes.ts";

const PROMPT_TOKENS = 128;
const MOST_TOKENS = 100;
/** Rows at a time. */
const ROWS = 8;
const REQUESTS = 32;
/** Of so many tokens one ends a reply: a model that knows nothing then ends its replies after about as many. */
const MEAN_TOKENS = 40;

export const refillName = ({ name }: Size): string =>
  `refill ${name}, ${REQUESTS} requests in ${ROWS} rows (${PROMPT_TOKENS} + up to ${MOST_TOKENS} tokens)`;

const requestsOf = (size: Size): ReadonlyArray<GenerateRequest> => {
  const random = makeRandom(SEED, "bench", "refill");
  return Array.from({ length: REQUESTS }, (_, row) => ({
    id: `request ${row}`,
    prompt: Int32Array.from({ length: PROMPT_TOKENS }, () => random.int(size.config.vocab_size)),
    seed: row,
    sampling: { temperature: 1, topP: 1, topK: 0, maxTokens: MOST_TOKENS, stop: [] },
    as: "student",
  }));
};

/** Requests in batches of as many as there are rows. */
const batchesOf = (requests: ReadonlyArray<GenerateRequest>) =>
  Array.from({ length: requests.length / ROWS }, (_, i) =>
    requests.slice(i * ROWS, (i + 1) * ROWS),
  );

export const benchRefill = Effect.fnUntraced(function* (
  size: Size,
  { repeats, threads }: { readonly repeats: number; readonly threads: number },
) {
  const compute = yield* Compute;
  const arrays = yield* putFreshWeights(compute, size);
  const { vocab_size } = size.config;
  const context = {
    programs: makePrograms(compute),
    config: size.config,
    parameters: parameterCount(size.config),
    ends: new Set(Array.from({ length: Math.ceil(vocab_size / MEAN_TOKENS) }, (_, id) => id)),
    decode: () => "",
    maxRows: ROWS,
  };
  const requests = requestsOf(size);
  const answer = (asked: ReadonlyArray<GenerateRequest>) =>
    generateBatch(context, asked, () => Effect.succeed({ arrays, version: "bench" }));
  const refilled = answer(requests);
  const inBatches = Effect.map(Effect.forEach(batchesOf(requests), answer), (all) => all.flat());
  const idsOf = (answers: ReadonlyArray<{ readonly ids: Int32Array }>) =>
    answers.map(({ ids }) => ids.join());
  const own = yield* refilled; // both ways once, which compiles every program
  const other = idsOf(yield* inBatches);
  const same = idsOf(own).filter((ids, i) => ids === other[i]).length;
  if (same < own.length) {
    return yield* new BenchError({
      message: `Expected the same ${own.length} replies from refilled rows and from batches, got ${same} of them at ${size.name}; both must do the same work before their times mean anything`,
    });
  }
  const tokens = own.reduce((sum, { ids }) => sum + ids.length, 0);
  const times = yield* inTurns(repeats, timed(refilled), timed(inBatches));
  return measurement({
    name: refillName(size),
    peerName: `batches of ${ROWS}, one after another`,
    unit: tokensPerSecond(tokens),
    threads,
    ...times,
  });
}, Effect.scoped);
