/**
 * Suite `memory`: the memory that `resd plan` says an update takes, beside the most that a process has taken while it made
 * some. Models are random, in the shapes of real ones; every case has a process of its own.
 */
import { fileURLToPath } from "node:url";
import { layer as computeOnnx } from "@resd/compute-onnx";
import type { LoraSettings, Objective, TrainSample } from "@resd/core";
import { makeLocalPolicy, planPolicy } from "@resd/engine";
import { companionFiles, parameterSpecs, saveFolder } from "@resd/models";
import { Console, Effect, FileSystem } from "effect";
import { inProcess } from "./in_process.ts";
import type { Measurement, SuiteOptions } from "./measurement.ts";
import { MODEL_SIZES } from "./sizes.ts";

interface Case {
  readonly name: string;
  /** Of `MODEL_SIZES`. */
  readonly size: string;
  readonly samples: number;
  readonly lora?: LoraSettings;
  readonly memoryBytes?: number;
}

const GIB = 2 ** 30;

const LORA: LoraSettings = {
  r: 16,
  lora_alpha: 32,
  target_modules: "all-linear",
  use_rslora: false,
};

const CASES: ReadonlyArray<Case> = [
  { name: "30M, all parameters, 16 samples", size: "30M", samples: 16 },
  { name: "135M, all parameters, 4 samples", size: "135M", samples: 4 },
  {
    name: "135M, all parameters, 4 samples within 4.25 GiB",
    size: "135M",
    samples: 4,
    memoryBytes: 4.25 * GIB,
  },
  { name: "135M, adapter of rank 16, 4 samples", size: "135M", samples: 4, lora: LORA },
];

const PROMPT = 128;
const TEACHER_PROMPT = 256;
const ANSWER = 64;
const UPDATES = 2;

const OBJECTIVE: Objective = {
  _tag: "Distill",
  alpha: 1,
  support: { _tag: "top-k", k: 20, rest: "tail" },
  aggregation: "token-mean",
  teacher: { _tag: "ema", rate: 0.05 },
};

/** Whose tokenizer the random models get: nothing is read or written with it. */
const TOKENIZER = fileURLToPath(new URL("../../models/kestrel", import.meta.url));

/** Numbers around 0 that differ, made faster than random ones. */
const numbers = (length: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, (_, i) => (((i * 48_271) % 65_521) / 65_521 - 0.5) * 0.06);

const batchOf = (samples: number): ReadonlyArray<TrainSample> => {
  const ids = (length: number) => Int32Array.from({ length }, (_, i) => 2 + ((i * 7) % 60));
  return Array.from({ length: samples }, (_, i) => ({
    id: `sample ${i}`,
    student: { ids: Int32Array.from([...ids(PROMPT), ...ids(ANSWER)]), from: PROMPT },
    teacher: {
      ids: Int32Array.from([...ids(TEACHER_PROMPT), ...ids(ANSWER)]),
      from: TEACHER_PROMPT,
    },
    mask: new Uint8Array(ANSWER).fill(1),
    weight: 1,
    behaviour: new Float32Array(ANSWER).fill(-3),
    signal: "reflection",
  }));
};

/** Plans, makes a few updates, and says what they took. */
const measure = Effect.fnUntraced(function* (
  { name, size, samples, lora, memoryBytes }: Case,
  threads: number,
) {
  yield* Console.error(`measuring ${name}`);
  const files = yield* FileSystem.FileSystem;
  const folder = yield* files.makeTempDirectoryScoped({ prefix: "resd-bench-" });
  const { config } = MODEL_SIZES.find((one) => one.name === size)!;
  const specs = new Map(parameterSpecs(config).map((spec) => [spec.name, spec]));
  yield* saveFolder(
    folder,
    { ...config, torch_dtype: "bfloat16" },
    (parameter) =>
      Effect.sync(() => numbers(specs.get(parameter)!.shape.reduce((a, b) => a * b, 1))),
    yield* companionFiles(TOKENIZER),
  );
  const options = {
    folder,
    ...(lora === undefined ? {} : { lora }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  };
  const plan = yield* planPolicy(options, {
    objective: OBJECTIVE,
    samples,
    prompt: PROMPT,
    teacherPrompt: TEACHER_PROMPT,
    answer: ANSWER,
    budget: memoryBytes ?? Infinity,
    limits: { maxBinding: Infinity, maxBuffer: Infinity },
  });
  const policy = yield* makeLocalPolicy(options);
  const batch = batchOf(samples);
  for (let update = 0; update < UPDATES; update++) {
    yield* policy.update(batch, OBJECTIVE, { lr: 1e-5, clipNorm: 1 });
  }
  const { process: own, weights, optimizer, teacher, gradients, activations } = plan.memory;
  const planned = (own + weights + optimizer + teacher + gradients + activations) / 2 ** 20;
  const taken = (process.resourceUsage().maxRSS * 1024) / 2 ** 20;
  return {
    name: `${name}${plan.update.checkpoint ? ", blocks computed twice" : ""}`,
    ours: taken,
    peer: planned,
    peerName: "resd plan",
    unit: "MiB",
    ratio: planned / taken,
    oursMedian: taken,
    peerMedian: planned,
    medianRatio: planned / taken,
    repeats: 1,
    threads,
  } satisfies Measurement;
}, Effect.scoped);

export const memorySuite = Effect.fnUntraced(function* (options: SuiteOptions) {
  const cases =
    CASES.filter(({ name }) => name === options.only).length > 0
      ? CASES.filter(({ name }) => name === options.only)
      : CASES.filter(({ name }) => name.includes(options.only));
  const [first, ...others] = cases;
  if (first === undefined || others.length > 0) {
    return (yield* Effect.forEach(cases, (one) =>
      inProcess("memory", one.name, ["--threads", String(options.threads)]),
    )).flat();
  }
  const { threads } = options;
  return [yield* measure(first, threads).pipe(Effect.provide(computeOnnx({ threads })))];
});
