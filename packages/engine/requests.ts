/** Checks what is asked of a policy before anything runs: expected, got, where, and what to do. */
import { type GenerateRequest, PolicyError, type ScoreRequest } from "@resd/core";
import type { DecoderConfig } from "@resd/models";
import { Effect } from "effect";

const badIds = (ids: Int32Array, config: DecoderConfig, where: string): PolicyError | undefined => {
  const at = ids.findIndex((id) => id < 0 || id >= config.vocab_size);
  return at < 0
    ? undefined
    : new PolicyError({
        reason: "bad-request",
        message: `Expected ids in 0..${config.vocab_size - 1}, got ${ids[at]}, at token ${at} of ${where}; encode with this policy's tokenizer`,
      });
};

/** Every prompt has a token, known ids, and leaves room in the context. */
export const checkGenerate = Effect.fnUntraced(function* (
  requests: ReadonlyArray<GenerateRequest>,
  config: DecoderConfig,
): Effect.fn.Return<void, PolicyError> {
  const limit = config.max_position_embeddings;
  for (const { id, prompt, sampling } of requests) {
    if (prompt.length === 0) {
      return yield* new PolicyError({
        reason: "bad-request",
        message: `Expected a prompt of at least one token, got none, at request ${id}`,
      });
    }
    if (prompt.length >= limit) {
      return yield* new PolicyError({
        reason: "context-overflow",
        message: `Expected a prompt under ${limit} tokens, the context of the model, got ${prompt.length}, at request ${id}; shorten it`,
      });
    }
    if (!(sampling.maxTokens >= 1)) {
      return yield* new PolicyError({
        reason: "bad-request",
        message: `Expected maxTokens ≥ 1, got ${sampling.maxTokens}, at request ${id}`,
      });
    }
    const bad = badIds(prompt, config, `the prompt of request ${id}`);
    if (bad !== undefined) return yield* bad;
  }
});

/** Every scored token has one before it, ids are known, and the sequence fits the context. */
export const checkScore = Effect.fnUntraced(function* (
  items: ReadonlyArray<ScoreRequest>,
  config: DecoderConfig,
): Effect.fn.Return<void, PolicyError> {
  const limit = config.max_position_embeddings;
  for (const [index, { ids, from }] of items.entries()) {
    if (!(Number.isInteger(from) && from >= 1 && from <= ids.length)) {
      return yield* new PolicyError({
        reason: "bad-request",
        message: `Expected from in 1..${ids.length}, got ${from}, at item ${index}; the first token of a sequence has no probability`,
      });
    }
    if (ids.length > limit) {
      return yield* new PolicyError({
        reason: "context-overflow",
        message: `Expected at most ${limit} tokens, got ${ids.length}, at item ${index}; shorten it`,
      });
    }
    const bad = badIds(ids, config, `item ${index}`);
    if (bad !== undefined) return yield* bad;
  }
});
