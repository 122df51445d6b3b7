/**
 * Suite `model`: training steps and generation at the size of real models, with the memory that each side takes. Every
 * measurement has a process of its own, so that its memory is its own.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { layer as computeOnnx } from "@resd/compute-onnx";
import { Console, Effect } from "effect";
import { BenchError } from "./bench_error.ts";
import { benchGeneration, generationName } from "./generation.ts";
import type { Measurement, SuiteOptions } from "./measurement.ts";
import { MODEL_SIZES } from "./sizes.ts";
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
  ]).filter(({ name }) => name.includes(only));

/** One measurement in a process of its own, which prints it as JSON. */
const inProcess = (name: string, { threads, repeats }: SuiteOptions) =>
  Effect.callback<ReadonlyArray<Measurement>, BenchError>((resume) => {
    const main = fileURLToPath(new URL("./main.ts", import.meta.url));
    const flags = ["--threads", String(threads), "--repeats", String(repeats), "--only", name];
    const child = execFile(
      process.execPath,
      [main, "model", "--json", ...flags],
      (error, printed, said) =>
        resume(
          error === null
            ? Effect.succeed(JSON.parse(printed) as ReadonlyArray<Measurement>)
            : Effect.fail(
                new BenchError({
                  message: `Expected a measurement of ${name}, got none: ${said.trim().split("\n").at(-1) ?? error.message}`,
                }),
              ),
        ),
    );
    child.stderr?.pipe(process.stderr);
    return Effect.sync(() => child.kill());
  });

export const modelSuite = Effect.fnUntraced(function* (options: SuiteOptions) {
  const parts = partsOf(options.only);
  const [first, ...others] = parts;
  if (first === undefined || others.length > 0) {
    const rows = yield* Effect.forEach(parts, ({ name }) => inProcess(name, options));
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
