/** The policy of the test world: a vocabulary that grows by use, and answers by script. */
import { Policy, type Prompt, type UpdateReport } from "@resd/core";
import { Effect } from "effect";
import type { WorldNotes, WorldOptions } from "./_world_options.ts";

const END = "<end>";

/** The policy, with its own reading and writing of ids for assertions. */
export const makeWorldPolicy = (options: WorldOptions, { log, batches, requests }: WorldNotes) => {
  const vocabulary = new Map<string, number>();
  const written: Array<string> = [];
  const idOf = (token: string): number => {
    if (!vocabulary.has(token)) {
      vocabulary.set(token, written.length);
      written.push(token);
    }
    return vocabulary.get(token)!;
  };
  const encode = (prompt: Prompt): Int32Array =>
    Int32Array.from(
      prompt.flatMap((segment) =>
        "text" in segment
          ? segment.text.split(/\s+/).filter((word) => word !== "")
          : [segment.control],
      ),
      idOf,
    );
  const textOf = (ids: Int32Array): string => [...ids].map((id) => written[id]).join(" ");
  const decode = (ids: Int32Array): string =>
    [...ids]
      .map((id) => written[id]!)
      .filter((token) => !token.startsWith("<"))
      .join(" ");
  const answer = options.answer ?? (({ word }) => word);
  let updates = 0;
  const policy = Policy.of({
    info: {
      model: "scripted",
      format: "compact",
      maxContext: options.maxContext ?? 200,
      vocabSize: 1000,
      parameters: 1,
      backend: "script",
    },
    capabilities: {
      objectives: [
        "bucket-kl",
        "sampled-kl",
        "policy-gradient",
        "cross-entropy",
        "mixture",
        "token-weights",
        "targets",
      ],
      topK: "full",
      teachers: ["ema", "frozen", "live"],
      rawLogProbs: true,
      gradClip: true,
      deterministic: true,
      ...options.capabilities,
    },
    encode: (prompt) => Effect.sync(() => encode(prompt)),
    decode,
    generate: (asked) =>
      Effect.sync(() => {
        log.push(`generate ${asked.length} as ${asked[0]?.as}`);
        requests.push(...asked);
        return asked.map((request) => {
          const prompt = textOf(request.prompt);
          const word = /say (\S+)/.exec(prompt)?.[1] ?? "";
          const said = answer({ word, as: request.as, updates, prompt, request });
          const cut = said.endsWith("…");
          const tokens = said
            .replace("…", "")
            .split(/\s+/)
            .filter((token) => token !== "");
          const end = tokens.findIndex((_, i) =>
            request.sampling.stop.some((stop) =>
              tokens
                .slice(0, i + 1)
                .join(" ")
                .includes(stop),
            ),
          );
          const stopped = end >= 0 && end < request.sampling.maxTokens;
          const whole = stopped ? tokens.slice(0, end + 1) : cut ? tokens : [...tokens, END];
          const kept = whole.slice(0, request.sampling.maxTokens);
          return {
            ids: Int32Array.from(kept, idOf),
            logProbs: Float32Array.from(kept, (_, i) => -1 / (i + 1)),
            stop: stopped
              ? ("stop_string" as const)
              : cut || kept.length < whole.length
                ? ("max_tokens" as const)
                : ("eos" as const),
            policyVersion: `v${updates}`,
          };
        });
      }),
    score: (items) =>
      Effect.sync(() =>
        items.map(({ ids, from }) => ({
          logProbs: new Float32Array(ids.length - from).fill(options.logProb?.(updates) ?? -1),
        })),
      ),
    update: (batch, _objective, { lr }) =>
      Effect.gen(function* () {
        yield* options.onUpdate?.(updates) ?? Effect.void;
        log.push(`update ${batch.map((sample) => sample.signal).join(" ")}`);
        batches.push(batch);
        updates++;
        yield* options.onUpdated?.(updates) ?? Effect.void;
        const trained = batch.filter((sample) => !sample.signal.startsWith("none:"));
        const report: UpdateReport = {
          loss: trained.length + lr,
          gradNorm: 1,
          teacherDrift: updates / 10,
          paramDeltaNorm: lr,
          logProbGap: 0,
          policyVersion: `v${updates}`,
          samples: trained.map((sample) => ({
            id: sample.id,
            loss: 1,
            tokens: sample.mask.reduce((sum, one) => sum + one, 0),
            divergence: 0.5,
            studentEntropy: 1,
            teacherEntropy: 0.5,
            clampedFraction: 0,
          })),
        };
        return options.onReport?.(report, updates) ?? report;
      }),
    version: () => Effect.sync(() => `v${updates}`),
    save: () => Effect.void,
    load: () => Effect.void,
  });
  return { policy, textOf, encode };
};
