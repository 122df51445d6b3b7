/** Suite `cpu`: training steps and greedy generation on this CPU, beside plain PyTorch. */
import { layer as computeOnnx } from "@resd/compute-onnx";
import { Console, Effect } from "effect";
import { benchGeneration, generationName } from "./generation.ts";
import type { Measurement, SuiteOptions } from "./measurement.ts";
import { SIZES } from "./sizes.ts";
import { openPeer } from "./torch_peer.ts";
import { benchTraining, trainingName } from "./training.ts";

const BATCHES: ReadonlyArray<number> = [1, 8, 32];

export const cpuSuite = Effect.fnUntraced(function* ({ threads, repeats, only }: SuiteOptions) {
  const peer = yield* openPeer;
  const options = { peer, repeats, threads };
  const parts = SIZES.flatMap((size) => [
    { name: trainingName(size), take: benchTraining(size, options) },
    ...BATCHES.map((batch) => ({
      name: generationName(size, batch),
      take: benchGeneration(size, batch, options),
    })),
  ]).filter(({ name }) => name.includes(only));
  const measurements: Array<Measurement> = [];
  for (const { name, take } of parts) {
    yield* Console.error(`measuring ${name}`);
    // A backend of its own for each part, so that none works beside the memory of another.
    const {
      peakBytes: _,
      peerPeakBytes: __,
      ...row
    } = yield* take.pipe(Effect.provide(computeOnnx({ threads })));
    measurements.push(row); // one process measures all of them, so its memory is nobody's
  }
  return measurements as ReadonlyArray<Measurement>;
}, Effect.scoped);
