/** One training step: forward, backward, global-norm clip and AdamW, through the engine's trainer. */
import { Compute, makeRandom } from "@resd/core";
import { type Document, makeTrainer } from "@resd/engine";
import { initialize } from "@resd/models";
import { Effect } from "effect";
import { mustAgree, SEED, setUpPeer, type TrainingSettings } from "./exchange.ts";
import { inTurns, measurement, MILLISECONDS, timed } from "./measurement.ts";
import { peakMemory } from "./peak_memory.ts";
import type { Size } from "./sizes.ts";
import type { Peer } from "./torch_peer.ts";

export const SETTINGS: TrainingSettings = {
  lr: 3e-4,
  betas: [0.9, 0.95],
  eps: 1e-8,
  weightDecay: 0.1,
  clip: 1,
};

/** Steps that both sides take before any is timed; losses and norms of each must agree. */
export const STEPS_THAT_AGREE = 3;

interface PeerStep {
  readonly ms: number;
  readonly loss: number;
  readonly gradNorm: number;
}

export const trainingName = ({ name, batch, length }: Size): string =>
  `train step ${name} (${batch}x${length} tokens)`;

/** Random tokens; every position but none beyond the row predicts the next one. */
export const batchOf = ({ config, batch, length }: Size): ReadonlyArray<Document> => {
  const random = makeRandom(SEED, "bench", "training");
  return Array.from({ length: batch }, () => {
    const tokens = Int32Array.from({ length: length + 1 }, () => random.int(config.vocab_size));
    return { ids: tokens.slice(0, -1), targets: tokens.slice(1) };
  });
};

export const benchTraining = Effect.fnUntraced(function* (
  size: Size,
  options: { readonly peer: Peer | undefined; readonly repeats: number; readonly threads: number },
) {
  const { peer, repeats, threads } = options;
  const compute = yield* Compute;
  const batch = batchOf(size);
  const { lr, betas, eps, weightDecay, clip } = SETTINGS;
  const parameters = initialize(size.config, SEED);
  const trainer = yield* makeTrainer({
    config: size.config,
    parameters,
    compute,
    optimizer: { _tag: "AdamW", betas, eps, weightDecay },
    clipNorm: clip,
  });
  const ourStep = trainer.step(batch, lr);
  const rows = (key: "ids" | "targets") => batch.map((document) => Array.from(document[key]));
  const peerStep = peer?.request<PeerStep>("train", {
    ids: rows("ids"),
    targets: rows("targets"),
  });
  if (peer !== undefined) {
    yield* setUpPeer(peer, size, ({ name }) => parameters.get(name)!, threads, SETTINGS);
  }
  for (let step = 0; step < STEPS_THAT_AGREE; step++) {
    const own = yield* ourStep;
    if (peerStep === undefined) continue;
    const other = yield* peerStep;
    yield* mustAgree(
      `loss and gradient norm of step ${step + 1} at ${size.name}`,
      [own.loss, own.gradNorm],
      [other.loss, other.gradNorm],
    );
  }
  parameters.clear(); // both sides have them
  const peerTime = peerStep === undefined ? undefined : Effect.map(peerStep, ({ ms }) => ms);
  const times = yield* inTurns(repeats, timed(ourStep), peerTime);
  return measurement({
    name: trainingName(size),
    peerName: peer?.name ?? "PyTorch eager",
    unit: MILLISECONDS,
    threads,
    ...times,
    ...(yield* peakMemory(peer)),
  });
}, Effect.scoped);
