/**
 * Measures the kernels of products on the device, the first time that a class of sizes is met. Each kernel's results are held
 * against those of the direct kernel before its time counts.
 */
import { ComputeError } from "@resd/core";
import { graph, input, matMul, type Tensor } from "@resd/tensor";
import { ArrayStore, toHost } from "./array_store.ts";
import { BufferPool, READING, STORAGE } from "./buffer_pool.ts";
import { type GpuDevice, GPUMapMode } from "./device.ts";
import { lowerGraph } from "./lower.ts";
import { Pipelines } from "./pipelines.ts";
import type { Product } from "./product.ts";
import { candidatesOf, classOf, planName, type ProductPlan } from "./product_plan.ts";
import { DeviceProgram, type Machine } from "./program.ts";
import { bytesOf } from "./schedule.ts";
import { type Stopwatch, stopwatchOf } from "./stopwatch.ts";
import { readTuned, tunedPath, writeTuned } from "./tuned_plans.ts";
import { Workspace } from "./workspace.ts";
import type { Target } from "./writer.ts";

/** Axes that are measured; beyond them a product only takes longer. */
const MOST_LINES = 4096;
const MOST_STEPS = 8192;

/** Milliseconds of runs that a time is taken of, runs at most, and times of which the least counts. */
const ENOUGH = 5;
const MOST_RUNS = 32;
const ROUNDS = 3;

/** How far results may be apart, of the greatest magnitude. */
const TOLERANCE = { f32: 1e-4, f16: 1e-2 } as const;

/** Times the best one that a kernel may take in its first run to be measured at all. */
const HOPELESS = 4;

/** The product with its long axes cut, as a graph. */
const graphOf = ({ a, b, transA, transB, alpha, M, N, K }: Product) => {
  const [m, n, k] = [Math.min(M, MOST_LINES), Math.min(N, MOST_LINES), Math.min(K, MOST_STEPS)];
  const shaped = ({ shape }: Tensor, trans: boolean, rows: number, columns: number) => [
    ...shape.slice(0, -2),
    ...(trans ? [columns, rows] : [rows, columns]),
  ];
  const [left, right] = [shaped(a, transA, m, k), shaped(b, transB, k, n)];
  const result = matMul(input("a", left, a.dtype), input("b", right, b.dtype), {
    transA,
    transB,
    alpha,
  });
  return graph({ result }, { name: "measurement of a product" });
};

/** Numbers between −1 and 1, or as f16 between 0.5 and 1: the same each time. */
const numbers = (size: number, dtype: Tensor["dtype"]) => {
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  return dtype === "f16"
    ? Uint16Array.from({ length: size }, () => 0x38_00 + (next() >>> 22))
    : Float32Array.from({ length: size }, () => next() / 2 ** 31 - 1);
};

/** A machine of its own, so that what is measured leaves no large buffers behind. */
const borrow = ({ device, limits }: GpuDevice) => {
  const arrays = new BufferPool(device, STORAGE(), limits.maxBufferSize!);
  const readings = new BufferPool(device, READING(), limits.maxBufferSize!);
  const machine: Machine = {
    device,
    store: new ArrayStore(device, arrays),
    workspace: new Workspace(device, limits.maxBufferSize!),
    pipelines: new Pipelines(device),
    alignment: limits.minUniformBufferOffsetAlignment!,
  };
  const destroy = (): void => {
    machine.workspace.destroy();
    arrays.destroy();
    readings.destroy();
  };
  return { machine, readings, destroy };
};

export class ProductTuner {
  readonly #gpu: GpuDevice;
  readonly #path: string;
  readonly #warn: (line: string) => void;
  readonly #missing = new Map<string, Product>();
  readonly #known: Map<string, ProductPlan>;
  /** Measurements wait for each other. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    gpu: GpuDevice,
    path: string,
    known: Map<string, ProductPlan>,
    warn: (line: string) => void,
  ) {
    this.#gpu = gpu;
    this.#path = path;
    this.#known = known;
    this.#warn = warn;
  }

  /** With what was measured before. `folder` is that of the file; the user's cache where it is not given. */
  static async open(
    gpu: GpuDevice,
    warn: (line: string) => void,
    folder?: string,
  ): Promise<ProductTuner> {
    const path = tunedPath(gpu.adapter, folder);
    return new ProductTuner(gpu, path, await readTuned(path, gpu.adapter), warn);
  }

  #key({ products, knownSizes }: Target, product: Product): string {
    const sizes = knownSizes ? "" : " read";
    return `${products.half ? "f16" : "f32"}${sizes} ${classOf(product)}`;
  }

  /** The target whose products take what was measured; what was not is noted down. */
  tuned(target: Target): Target {
    const find = (product: Product): ProductPlan | undefined => {
      const key = this.#key(target, product);
      const plan = this.#known.get(key);
      if (plan === undefined) this.#missing.set(key, product);
      return plan;
    };
    return { ...target, products: { ...target.products, tuned: find } };
  }

  /** Measures what was noted down; whether anything was. */
  measure(target: Target): Promise<boolean> {
    const turn = this.#last.then(() => this.#measure(target));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #measure(target: Target): Promise<boolean> {
    const missing = [...this.#missing].filter(([key]) => !this.#known.has(key));
    this.#missing.clear();
    const found = new Map<string, ProductPlan>();
    for (const [key, product] of missing) {
      const plan = await this.#best(target, product);
      this.#known.set(key, plan);
      found.set(key, plan);
    }
    if (found.size === 0) return missing.length > 0;
    try {
      await writeTuned(this.#path, this.#gpu.adapter, found);
    } catch (cause) {
      this.#warn(
        `Expected to write ${this.#path}, got ${String(cause)}; products will be measured again`,
      );
    }
    return true;
  }

  /** The fastest of those that agree. */
  async #best(target: Target, product: Product): Promise<ProductPlan> {
    const plans = candidatesOf(target, product);
    const borrowed = borrow(this.#gpu);
    const stopwatch = stopwatchOf(this.#gpu.device);
    try {
      const trials = new Trials(target, product, borrowed.machine, borrowed.readings, stopwatch);
      let best = { plan: plans[0]!, time: Number.POSITIVE_INFINITY };
      for (const plan of plans) {
        try {
          const time = await trials.time(plan, best.time);
          if (time < best.time) best = { plan, time };
        } catch (cause) {
          const failure = this.#gpu.failure();
          if (failure !== undefined) throw failure;
          const [reason] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
          this.#warn(`The kernel ${planName(plan)} is left out for ${classOf(product)}: ${reason}`);
        }
      }
      return best.plan;
    } finally {
      stopwatch.destroy();
      borrowed.destroy();
    }
  }
}

/** The kernels of one product, on operands that all of them share. */
class Trials {
  readonly #target: Target;
  readonly #machine: Machine;
  readonly #readings: BufferPool;
  readonly #stopwatch: Stopwatch;
  readonly #inputs: Readonly<Record<string, ReturnType<ArrayStore["own"]>>>;
  readonly #graph: ReturnType<typeof graphOf>;
  /** Results of the direct kernel. */
  #wanted: ArrayLike<number> | undefined;

  constructor(
    target: Target,
    product: Product,
    machine: Machine,
    readings: BufferPool,
    stopwatch: Stopwatch,
  ) {
    this.#target = target;
    this.#machine = machine;
    this.#readings = readings;
    this.#stopwatch = stopwatch;
    this.#graph = graphOf(product);
    const { store } = machine;
    this.#inputs = Object.fromEntries(
      this.#graph.inputs.map(({ name, shape, dtype }) => {
        const size = shape.reduce((all, one) => all * one, 1);
        return [name, store.own(store.upload(numbers(size, dtype), dtype, name), shape, dtype)];
      }),
    );
  }

  /** Milliseconds of a run; infinite where the first one shows that it is far from `best`. Throws where results are wrong. */
  async time(plan: ProductPlan, best: number): Promise<number> {
    const { products } = this.#target;
    const target = { ...this.#target, products: { ...products, tuned: () => plan } };
    const schedule = lowerGraph(this.#graph, target, new Set());
    const program = await DeviceProgram.compile(this.#machine, schedule);
    try {
      await this.#compare(program);
      const first = await this.#runs(program, 1);
      if (first > HOPELESS * best) return Number.POSITIVE_INFINITY;
      const count = Math.max(1, Math.min(MOST_RUNS, Math.ceil(ENOUGH / Math.max(first, 1e-3))));
      let least = first;
      for (let round = 0; round < ROUNDS; round++) {
        least = Math.min(least, (await this.#runs(program, count)) / count);
      }
      return least;
    } finally {
      program.dispose();
    }
  }

  #runs(program: DeviceProgram, count: number): Promise<number> {
    const { store } = this.#machine;
    return this.#stopwatch.time(() =>
      Array.from({ length: count }, () => {
        const { commands, arrays, done } = program.encode(this.#inputs, []);
        for (const array of Object.values(arrays)) store.release(array);
        for (const buffer of done) store.pool.give(buffer);
        return commands.finish();
      }),
    );
  }

  /** Demands the results of the direct kernel, which is the first. */
  async #compare(program: DeviceProgram): Promise<void> {
    const { device, store } = this.#machine;
    const { commands, readings, done } = program.encode(this.#inputs, ["result"]);
    const { buffer, dtype, size } = readings[0]!;
    const bytes = bytesOf({ size, dtype });
    const staging = this.#readings.take(bytes, "results of a measurement");
    commands.copyBufferToBuffer(buffer.buffer, 0, staging.buffer, 0, bytes);
    device.queue.submit([commands.finish()]);
    for (const one of done) store.pool.give(one);
    await staging.buffer.mapAsync(GPUMapMode.READ, 0, bytes);
    const copy = staging.buffer.getMappedRange(0, bytes).slice(0);
    const got = dtype === "f16" ? new Float16Array(copy, 0, size) : toHost(copy, dtype, size);
    staging.buffer.unmap();
    this.#readings.give(staging);
    if (this.#wanted === undefined) {
      this.#wanted = got;
      return;
    }
    let [scale, worst] = [0, 0];
    for (let i = 0; i < size; i++) {
      scale = Math.max(scale, Math.abs(this.#wanted[i]!));
      worst = Math.max(worst, Math.abs(got[i]! - this.#wanted[i]!));
    }
    const rounded = this.#target.products.half || dtype === "f16";
    const allowed = TOLERANCE[rounded ? "f16" : "f32"] * scale;
    if (worst <= allowed) return;
    throw new ComputeError({
      op: "products",
      message: `Expected results within ${allowed} of the direct kernel's, got a difference of ${worst}`,
    });
  }
}
