/**
 * Suite `webgpu`: our kernels on one adapter, beside what else could be had on it: jax-js on the same Dawn, and ONNX
 * Runtime's kernels for WebGPU on the same graphs. Results are compared before any time is taken.
 */
import { layer as computeOnnx } from "@resd/compute-onnx";
import { layer as computeWebgpu } from "@resd/compute-webgpu";
import { chooseAdapter, listAdapters } from "@resd/compute-webgpu/adapters";
import { Compute, type ComputeShape } from "@resd/core";
import { makeTrainer } from "@resd/engine";
import { initialize, parameterSpecs } from "@resd/models";
import { Console, Context, Effect, Layer, type Scope } from "effect";
import { arithmeticPeak } from "./arithmetic_peak.ts";
import type { BenchError } from "./bench_error.ts";
import { mustAgree, SEED } from "./exchange.ts";
import { benchGeneration, generationName } from "./generation.ts";
import { jaxTrainer } from "./jax_decoder.ts";
import { type JaxPeer, ofPeer, openJax } from "./jax_peer.ts";
import { LOSSES, type Losses, lossesName, ourLosses } from "./losses.ts";
import {
  inTurns,
  type Measurement,
  measurement,
  MILLISECONDS,
  type Side,
  type SuiteOptions,
  timed,
  type Unit,
} from "./measurement.ts";
import {
  jaxProduct,
  LARGEST,
  ourProduct,
  type Product,
  PRODUCTS,
  productName,
} from "./products.ts";
import { HALF_BILLION, type Size, SIZES, SMALL_SIZE } from "./sizes.ts";
import { batchOf, benchTraining, SETTINGS, STEPS_THAT_AGREE, trainingName } from "./training.ts";

type AnySide = Side<unknown>;

interface Task {
  readonly name: string;
  readonly unit: Unit;
  /** Results to compare before times are taken. */
  readonly comparisons: number;
  readonly ours: Effect.Effect<AnySide, unknown, Scope.Scope>;
  /** In the order of the table; undefined where a peer is missing. */
  readonly peers: ReadonlyArray<{
    readonly name: string;
    readonly side: Effect.Effect<AnySide, unknown, Scope.Scope> | undefined;
  }>;
}

const ORT = "ONNX Runtime WebGPU";
const JAX = "jax-js";

/** One row a peer; its side is measured in turns with ours. */
const measure = Effect.fnUntraced(function* (task: Task, { repeats }: SuiteOptions) {
  yield* Console.error(`measuring ${task.name}`);
  const rows: Array<Measurement> = [];
  for (const { name: peerName, side } of task.peers) {
    const row = Effect.gen(function* () {
      const ours = yield* task.ours;
      const peer = side === undefined ? undefined : yield* side;
      for (let round = 1; round <= task.comparisons; round++) {
        const own = yield* ours.result;
        if (peer === undefined) continue;
        const what = `result ${round} of ${task.name} by ${peerName}`;
        yield* mustAgree(what, own, yield* peer.result);
      }
      const times = yield* inTurns(repeats, ours.timed, peer?.timed);
      const name = task.peers.length > 1 ? `${task.name}, ${peerName}` : task.name;
      return measurement({
        name,
        peerName: peer?.name ?? peerName,
        unit: task.unit,
        threads: 1,
        ...times,
      });
    });
    rows.push(yield* Effect.scoped(row));
  }
  return rows;
});

/** A backend that lives as long as the scope. */
const backendOf = <E>(
  layer: Layer.Layer<Compute, E>,
): Effect.Effect<ComputeShape, E, Scope.Scope> =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, Compute));

const operations = ({ M, K, N }: Product): number => 2 * M * K * N;

const gigaflops = (product: Product): Unit => ({
  name: "GFLOP/s",
  of: (time) => operations(product) / time / 1e6,
  rate: true,
});

const productTask = (
  product: Product,
  ours: Backend,
  ort: Backend | undefined,
  jax: JaxPeer | undefined,
): Task => ({
  name: productName(product),
  unit: gigaflops(product),
  comparisons: 1,
  ours: Effect.flatMap(ours, (compute) => ourProduct("ours", compute, product)),
  peers: [
    { name: JAX, side: jax && jaxProduct(jax, product) },
    { name: ORT, side: ort && Effect.flatMap(ort, (compute) => ourProduct(ORT, compute, product)) },
  ],
});

type Backend = Effect.Effect<ComputeShape, unknown, Scope.Scope>;

/** Beside our own kernels when each reduction has one, too. */
const lossesTask = (
  losses: Losses,
  ours: Backend,
  apart: Backend,
  ort: Backend | undefined,
): Task => {
  const side = (name: string, backend: Backend) =>
    Effect.flatMap(backend, (compute) => ourLosses(name, compute, losses));
  return {
    name: lossesName(losses),
    unit: MILLISECONDS,
    comparisons: 1,
    ours: side("ours", ours),
    peers: [
      { name: "ours, apart", side: side("ours, apart", apart) },
      { name: ORT, side: ort && side(ORT, ort) },
    ],
  };
};

/** The engine's trainer on a backend. */
const trainerOn = Effect.fnUntraced(function* (name: string, backend: Backend, size: Size) {
  const { lr, betas, eps, weightDecay, clip } = SETTINGS;
  const trainer = yield* makeTrainer({
    config: size.config,
    parameters: initialize(size.config, SEED),
    compute: yield* backend,
    optimizer: { _tag: "AdamW", betas, eps, weightDecay },
    clipNorm: clip,
  });
  const step = trainer.step(batchOf(size), lr);
  return {
    name,
    result: Effect.map(step, ({ loss, gradNorm }) => [loss, gradNorm]),
    timed: timed(step),
  };
});

const jaxOn = (peer: JaxPeer, size: Size): Effect.Effect<Side<BenchError>> =>
  Effect.sync(() => {
    const batch = batchOf(size);
    const flat = (key: "ids" | "targets") =>
      Int32Array.from(batch.flatMap((document) => Array.from(document[key])));
    const data = initialize(size.config, SEED);
    const parameters = new Map(
      parameterSpecs(size.config).map(({ name, shape }) => [
        name,
        { shape, data: data.get(name)! },
      ]),
    );
    const rows = { rows: size.batch, ids: flat("ids"), targets: flat("targets") };
    const trainer = jaxTrainer(peer, size.config, parameters, rows, SETTINGS);
    const step = ofPeer(`train ${size.name}`, trainer.step);
    return { name: peer.name, result: step, timed: timed(step) };
  });

const trainingTask = (
  size: Size,
  ours: Backend,
  ort: Backend | undefined,
  jax: JaxPeer | undefined,
): Task => ({
  name: trainingName(size),
  unit: MILLISECONDS,
  comparisons: STEPS_THAT_AGREE,
  ours: trainerOn("ours", ours, size),
  peers: [
    { name: JAX, side: jax && jaxOn(jax, size) },
    { name: ORT, side: ort && trainerOn(ORT, ort, size) },
  ],
});

/**
 * The largest product beside the adapter's own arithmetic on f32, which is taken for the peer: the ratio is the fraction of it.
 * With operands rounded to f16, by subgroup matrices where there are any, it may be above 1.
 */
const peakRows = Effect.fnUntraced(function* (
  products: "f32" | "f16",
  { repeats }: SuiteOptions,
  adapter: number,
) {
  const peak = yield* arithmeticPeak(adapter);
  const compute = yield* backendOf(computeWebgpu({ adapter, products }));
  const side = yield* ourProduct("ours", compute, LARGEST);
  const { ours } = yield* inTurns(repeats, side.timed, undefined);
  return measurement({
    name: `${productName(LARGEST, products)}, of the peak`,
    peerName: "multiply-adds, f32",
    unit: gigaflops(LARGEST),
    threads: 1,
    ours,
    peer: ours.map(() => (operations(LARGEST) / peak) * 1000),
  });
});

/** Rows of the 0.5 B decoder alone, which no peer here runs: a training step, and generation. */
const largeParts = ({ repeats, only }: SuiteOptions, adapter: number) => {
  const options = { peer: undefined, repeats, threads: 1 };
  return [
    { name: trainingName(HALF_BILLION), take: benchTraining(HALF_BILLION, options) },
    { name: generationName(HALF_BILLION, 8), take: benchGeneration(HALF_BILLION, 8, options) },
  ]
    .filter(({ name }) => name.includes(only))
    .map(({ take }) =>
      take.pipe(
        Effect.map((row): Measurement => row),
        Effect.provide(computeWebgpu({ adapter })),
      ),
    );
};

/** @param wanted number or name of the adapter; the first where empty. */
export const webgpuSuite = (wanted: string) =>
  Effect.fnUntraced(function* (options: SuiteOptions) {
    const adapters = yield* listAdapters;
    const adapter = yield* chooseAdapter(adapters, wanted);
    yield* Console.error(`on ${adapter.name}, ${adapter.description}`);
    const jax = yield* openJax(adapter);
    const ours = backendOf(computeWebgpu({ adapter: adapter.index }));
    const apart = backendOf(computeWebgpu({ adapter: adapter.index, losses: "apart" }));
    // ONNX Runtime takes the first adapter of the driver, whatever is asked for.
    const ort =
      adapters.length === 1
        ? backendOf(computeOnnx({ threads: 1, provider: "webgpu" }))
        : undefined;
    if (ort === undefined) {
      yield* Console.error(
        `no ${ORT} peer: it cannot be told which of ${adapters.length} adapters to take`,
      );
    }
    const kind = adapter.software ? "software" : "hardware";
    const tasks = [
      ...PRODUCTS[kind].map((product) => productTask(product, ours, ort, jax)),
      ...LOSSES[kind].map((losses) => lossesTask(losses, ours, apart, ort)),
      ...(adapter.software ? [SMALL_SIZE] : SIZES).map((size) =>
        trainingTask(size, ours, ort, jax),
      ),
    ].filter(({ name }) => name.includes(options.only));
    const rows = yield* Effect.forEach(tasks, (task) => measure(task, options));
    if (adapter.software) return rows.flat();
    const precisions = (["f32", "f16"] as const)
      .filter((one) => one === "f32" || adapter.features.includes("shader-f16"))
      .filter((one) => `${productName(LARGEST, one)}, of the peak`.includes(options.only));
    const peaks = yield* Effect.forEach(precisions, (one) =>
      Effect.scoped(peakRows(one, options, adapter.index)),
    );
    const large = yield* Effect.all(largeParts(options, adapter.index));
    return [...rows.flat(), ...peaks, ...large];
  });
