/** Greedy generation after a prompt, prefill included, through the engine's own path. */
import { Compute, type GenerateRequest, makeRandom } from "@resd/core";
import { generateBatch, makePrograms } from "@resd/engine";
import { parameterCount } from "@resd/models";
import { Effect } from "effect";
import { freshWeights, mustAgree, putFreshWeights, SEED, setUpPeer } from "./exchange.ts";
import { inTurns, measurement, timed, tokensPerSecond } from "./measurement.ts";
import { peakMemory } from "./peak_memory.ts";
import type { Size } from "./sizes.ts";
import type { Peer } from "./torch_peer.ts";

const PROMPT_TOKENS = 128;
const NEW_TOKENS = 100;

interface PeerGeneration {
  readonly ms: number;
  readonly ids: ReadonlyArray<ReadonlyArray<number>>;
  readonly logProbs: ReadonlyArray<ReadonlyArray<number>>;
}
/** Of given continuations, by one pass without a cache: log-probs of their tokens and of the likeliest ones. */
interface PeerScore {
  readonly logProbs: ReadonlyArray<ReadonlyArray<number>>;
  readonly best: ReadonlyArray<ReadonlyArray<number>>;
}

export const generationName = ({ name }: Size, batch: number): string =>
  `generate ${name} batch ${batch} (${PROMPT_TOKENS}+${NEW_TOKENS} tokens)`;

const requestsOf = (size: Size, batch: number): ReadonlyArray<GenerateRequest> => {
  const random = makeRandom(SEED, "bench", "prompts");
  return Array.from({ length: batch }, (_, row) => ({
    id: `row ${row}`,
    prompt: Int32Array.from({ length: PROMPT_TOKENS }, () => random.int(size.config.vocab_size)),
    seed: row,
    sampling: { temperature: 0, topP: 1, topK: 0, maxTokens: NEW_TOKENS, stop: [] },
    as: "student",
  }));
};

export const benchGeneration = Effect.fnUntraced(function* (
  size: Size,
  batch: number,
  options: { readonly peer: Peer | undefined; readonly repeats: number; readonly threads: number },
) {
  const { peer, repeats, threads } = options;
  const compute = yield* Compute;
  const arrays = yield* putFreshWeights(compute, size);
  const context = {
    programs: makePrograms(compute),
    config: size.config,
    parameters: parameterCount(size.config),
    ends: new Set<number>(),
    decode: () => "",
    maxRows: batch,
  };
  if (peer !== undefined) yield* setUpPeer(peer, size, freshWeights(size), threads);
  const requests = requestsOf(size, batch);
  const ourWork = generateBatch(context, requests, () =>
    Effect.succeed({ arrays, version: "bench" }),
  );
  const answers = yield* ourWork; // compiles every program
  const ids = requests.map(({ prompt }) => Array.from(prompt));
  const peerWork = peer?.request<PeerGeneration>("generate", { ids, steps: NEW_TOKENS });
  if (peer !== undefined && peerWork !== undefined) {
    const theirs = yield* peerWork;
    // Greedy choices may part where two tokens are equally likely: each side's log-probs are compared with the peer's
    // for that side's own tokens, and ours must be as likely as the likeliest.
    const scoreOf = (tokens: ReadonlyArray<ReadonlyArray<number>>) =>
      peer.request<PeerScore>("score", { ids, tokens });
    const own = yield* scoreOf(answers.map((answer) => Array.from(answer.ids)));
    const other = yield* scoreOf(theirs.ids);
    const where = `at ${size.name}, batch ${batch}`;
    const logProbs = answers.flatMap((answer) => Array.from(answer.logProbs));
    yield* mustAgree(`log-probs of greedy tokens ${where}`, logProbs, own.logProbs.flat());
    yield* mustAgree(`the likeliest log-probs ${where}`, own.logProbs.flat(), own.best.flat());
    yield* mustAgree(
      `the peer's log-probs with and without a cache ${where}`,
      theirs.logProbs.flat(),
      other.logProbs.flat(),
    );
  }
  const peerTime = peerWork === undefined ? undefined : Effect.map(peerWork, ({ ms }) => ms);
  const times = yield* inTurns(repeats, timed(ourWork), peerTime);
  return measurement({
    name: generationName(size, batch),
    peerName: peer?.name ?? "PyTorch eager",
    unit: tokensPerSecond(batch * NEW_TOKENS),
    threads,
    ...times,
    ...(yield* peakMemory(peer)),
  });
}, Effect.scoped);
