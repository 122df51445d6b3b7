/**
 * Suite `model`: training steps and generation at the size of real models, with the memory that each side takes; and
 * what refilling rows gains. Every measurement has a process of its own, so that its memory is its own.
 */
import { layer as computeOnnx } from "@resd/compute-onnx";
import { Console, Effect } from "effect";
import { benchGeneration, generationName } from "./generation.ts";
import { inProcess } from "./in_process.ts";
import type { SuiteOptions } from "./measurement.ts";
import { MODEL_SIZES } from "./sizes.ts";
import { benchRefill, refillName } from "./refill.ts";
import { openPeer } from "./torch_peer.ts";
import { benchTraining, trainingName } from "./training.ts";

const BATCHES: ReadonlyArray<number> = [1, 8, 32];

const partsOf = (only: string) =>
  MODEL_SIZES.flatMap((size) => [
    { name: trainingName(size), take: benchTraining.bind(undefined, size) },
    ...BATCHES.map((batch) => ({
      name: generationName(size, batch),
      take: benchGeneration.bind(undefined, size, batch),
    })),
    { name: refillName(size), take: benchRefill.bind(undefined, size) },
  ]).filter(({ name }) => name.includes(only));

export const modelSuite = Effect.fnUntraced(function* (options: SuiteOptions) {
  const parts = partsOf(options.only);
  const [first, ...others] = parts;
  if (first === undefined || others.length > 0) {
    const rows = yield* Effect.forEach(parts, ({ name }) =>
      inProcess("model", name, [
        "--threads",
        String(options.threads),
        "--repeats",
        String(options.repeats),
      ]),
    );
    return rows.flat();
  }
  const { threads, repeats } = options;
  yield* Console.error(`measuring ${first.name}`);
  const peer = yield* openPeer;
  const row = yield* first
    .take({ peer, repeats, threads })
    .pipe(Effect.provide(computeOnnx({ threads })));
  return [row];
}, Effect.scoped);
