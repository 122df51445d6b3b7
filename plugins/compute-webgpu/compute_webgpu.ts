/** Compute on WebGPU: graphs become fused WGSL kernels, arrays stay on the device. */
import {
  type Arr,
  Compute,
  ComputeError,
  type ComputeShape,
  decodeOptions,
  type HostArray,
  type PluginOptionsError,
  type Program,
} from "@resd/core";
import { type Graph, sizeOf } from "@resd/tensor";
import { Effect, Layer, type Scope } from "effect";
import { ArrayStore, dtypeOf, toHost, typeName } from "./array_store.ts";
import { BufferPool, READING, STORAGE } from "./buffer_pool.ts";
import { type GpuDevice, GPUMapMode, openDevice } from "./device.ts";
import { lowerGraph } from "./lower.ts";
import { Options } from "./options.ts";
import { Pipelines } from "./pipelines.ts";
import { printSchedule } from "./print_schedule.ts";
import { matrixOf } from "./product_plan.ts";
import { DeviceProgram, type Machine, type Reading } from "./program.ts";
import { ProductTuner } from "./product_tuner.ts";
import { bytesOf, type Schedule } from "./schedule.ts";
import { Workspace } from "./workspace.ts";
import type { Target } from "./writer.ts";

type Settings = typeof Options.Type;

const toError =
  (op: string) =>
  (cause: unknown): ComputeError =>
    cause instanceof ComputeError
      ? cause
      : new ComputeError({ op, message: cause instanceof Error ? cause.message : String(cause) });

/** What kernels may use of a device. */
export const targetOf = (
  { adapter, limits }: Pick<GpuDevice, "adapter" | "limits">,
  settings: Omit<Settings, "adapter" | "print">,
): Target => {
  const { features, subgroupSizes } = adapter;
  const software =
    settings.kernels === "auto" ? adapter.software : settings.kernels === "processor";
  const steady = features.includes("subgroups") && subgroupSizes.min === subgroupSizes.max;
  const width = {
    subgroup: steady ? subgroupSizes.max : 0,
    maxLanes: limits.maxComputeInvocationsPerWorkgroup!,
    maxShared: limits.maxComputeWorkgroupStorageSize!,
  };
  return {
    ...width,
    software,
    knownSizes: settings.sizes === "auto" ? !software : settings.sizes === "known",
    f16: features.includes("shader-f16"),
    subgroups: features.includes("subgroups"),
    rows: settings.rows,
    losses: settings.losses,
    attention: settings.attention,
    maxBuffers: limits.maxStorageBuffersPerShaderStage!,
    maxBinding: Math.min(settings.maxBinding ?? Infinity, limits.maxStorageBufferBindingSize!),
    bindingAlignment: limits.minStorageBufferOffsetAlignment!,
    maxBuffer: limits.maxBufferSize!,
    products: {
      half: settings.products === "f16",
      kernel: settings.productKernel,
      matrix: matrixOf(adapter.subgroupMatrices, width),
      tuned: () => undefined,
    },
  };
};

const refuse = (op: string, message: string): never => {
  throw new ComputeError({ op, message });
};

class Backend {
  readonly #gpu: GpuDevice;
  readonly #settings: Settings;
  readonly #target: Target;
  readonly #machine: Machine;
  readonly #arrays: BufferPool;
  readonly #readings: BufferPool;
  readonly #programs = new Set<DeviceProgram>();
  readonly #tuner: Promise<ProductTuner> | undefined;

  constructor(gpu: GpuDevice, settings: Settings) {
    const { device, limits } = gpu;
    const most = limits.maxBufferSize!;
    this.#gpu = gpu;
    this.#settings = settings;
    this.#target = targetOf(gpu, settings);
    const measures = settings.tune === "auto" ? !gpu.adapter.software : settings.tune === "on";
    if (measures && settings.productKernel === "auto") {
      this.#tuner = ProductTuner.open(gpu, (line) => process.stderr.write(`${line}\n`));
    }
    this.#arrays = new BufferPool(device, STORAGE(), most);
    this.#readings = new BufferPool(device, READING(), most);
    this.#machine = {
      device,
      store: new ArrayStore(device, this.#arrays),
      workspace: new Workspace(device, most),
      pipelines: new Pipelines(device),
      alignment: limits.minUniformBufferOffsetAlignment!,
    };
  }

  /** Throws what made the device unusable. */
  #check(): void {
    const failure = this.#gpu.failure();
    if (failure !== undefined) throw failure;
  }

  put(data: HostArray, shape: ReadonlyArray<number>, dtype = dtypeOf(data)): Arr {
    this.#check();
    const type = typeName(dtype, shape);
    if (!this.info.dtypes.includes(dtype)) {
      refuse("put", `Expected one of ${this.info.dtypes.join(", ")}, got ${type}, at put`);
    }
    if (dtype !== dtypeOf(data)) {
      refuse("put", `Expected host data of ${type}, got a ${data.constructor.name}, at put`);
    }
    if (data.length !== sizeOf(shape)) {
      refuse("put", `Expected ${sizeOf(shape)} values for ${type}, got ${data.length}, at put`);
    }
    const { store } = this.#machine;
    return store.own(store.upload(data, dtype, type), shape, dtype);
  }

  async get(array: Arr): Promise<HostArray> {
    this.#check();
    const buffer = this.#machine.store.get(array, "get");
    const commands = this.#machine.device.createCommandEncoder({ label: "get" });
    const size = sizeOf(array.shape);
    const reading: Reading = { name: "array", buffer, dtype: array.dtype, size };
    const { array: value } = await this.#read(commands, [reading]);
    return value!;
  }

  release(arrays: ReadonlyArray<Arr>): void {
    for (const array of arrays) this.#machine.store.release(array);
  }

  /** Queues the commands and waits for copies of what is read. */
  async #read(
    commands: GPUCommandEncoder,
    readings: ReadonlyArray<Reading>,
  ): Promise<Record<string, HostArray>> {
    const { device } = this.#machine;
    const offsets: Array<number> = [];
    let end = 0;
    for (const { size, dtype } of readings) {
      offsets.push(end);
      end += bytesOf({ size, dtype });
    }
    const staging = this.#readings.take(Math.max(end, 16), "reading");
    readings.forEach(({ buffer, size, dtype }, index) =>
      commands.copyBufferToBuffer(
        buffer.buffer,
        0,
        staging.buffer,
        offsets[index]!,
        bytesOf({ size, dtype }),
      ),
    );
    device.queue.submit([commands.finish()]);
    const mapped = staging.buffer.mapAsync(GPUMapMode.READ, 0, Math.max(end, 16));
    const failure = await Promise.race([
      mapped.then(
        () => this.#gpu.failure(),
        async (cause: unknown) => this.#gpu.failure() ?? toError("reading")(cause),
      ),
      this.#gpu.failed,
    ]);
    if (failure !== undefined) throw failure;
    const bytes = staging.buffer.getMappedRange(0, Math.max(end, 16)).slice(0);
    staging.buffer.unmap();
    this.#readings.give(staging);
    return Object.fromEntries(
      readings.map(({ name, dtype, size }, index) => [
        name,
        toHost(bytes.slice(offsets[index]!), dtype, size),
      ]),
    );
  }

  /** The schedule of a graph, its products by what was measured; what was not is measured now. */
  async #lower(graph: Graph, donated: ReadonlySet<string>): Promise<Schedule> {
    const tuner = await this.#tuner;
    const target = tuner?.tuned(this.#target) ?? this.#target;
    const schedule = lowerGraph(graph, target, donated);
    const measured = await tuner?.measure(this.#target);
    return measured === true ? lowerGraph(graph, target, donated) : schedule;
  }

  async compile(...[graph, options]: Parameters<ComputeShape["compile"]>): Promise<Program> {
    this.#check();
    const names = graph.inputs.map(({ name }) => name);
    for (const name of [...(options?.donate ?? []), ...(options?.constant ?? [])]) {
      if (names.includes(name)) continue;
      refuse(
        graph.name,
        `Expected donated and constant inputs among ${names.join(", ")}, got ${name}, at ${graph.name}`,
      );
    }
    const dtypes = new Set(graph.nodes.flatMap(({ outputs }) => outputs.map(({ dtype }) => dtype)));
    if (dtypes.has("f16") && !this.#target.f16) {
      refuse(
        graph.name,
        `Expected f32, i32 and bool, got f16, at ${graph.name}; this adapter has no shader-f16: cast to f32`,
      );
    }
    const schedule = await this.#lower(graph, new Set(options?.donate));
    if (this.#settings.print !== "nothing") {
      process.stderr.write(printSchedule(schedule, this.#settings.print === "wgsl"));
    }
    const program = await DeviceProgram.compile(this.#machine, schedule);
    this.#programs.add(program);
    return {
      name: graph.name,
      bytes: program.bytes,
      run: (inputs, { read = [] } = {}) =>
        Effect.tryPromise({
          try: async () => {
            this.#check();
            const { commands, arrays, readings, done } = program.encode(inputs, read);
            if (readings.length === 0) {
              this.#machine.device.queue.submit([commands.finish()]);
              for (const buffer of done) this.#arrays.give(buffer);
              return { arrays, values: {} };
            }
            const reading = this.#read(commands, readings);
            for (const buffer of done) this.#arrays.give(buffer);
            return { arrays, values: await reading };
          },
          catch: toError(graph.name),
        }),
    };
  }

  get info(): ComputeShape["info"] {
    const { adapter } = this.#gpu;
    return {
      name: "webgpu",
      adapter: `${adapter.name}, ${adapter.backend}${adapter.software ? ", software" : ""}`,
      software: adapter.software,
      dtypes: this.#target.f16 ? ["f32", "f16", "i32", "bool"] : ["f32", "i32", "bool"],
      maxBinding: this.#target.maxBinding,
      maxBuffer: this.#target.maxBuffer,
      threads: 1,
      deterministic: true,
    };
  }

  destroy(): void {
    for (const program of this.#programs) program.dispose();
    this.#machine.workspace.destroy();
    this.#arrays.destroy();
    this.#readings.destroy();
  }
}

/** The backend on an open device. */
export const makeCompute = Effect.fnUntraced(function* (
  gpu: GpuDevice,
  settings: Settings,
): Effect.fn.Return<ComputeShape, ComputeError, Scope.Scope> {
  if (settings.products === "f16" && !gpu.adapter.features.includes("shader-f16")) {
    return yield* new ComputeError({
      op: "products",
      message: `Expected an adapter with shader-f16 for products=f16, got ${gpu.adapter.name}; take products=f32`,
    });
  }
  const backend = yield* Effect.acquireRelease(
    Effect.sync(() => new Backend(gpu, settings)),
    (held) => Effect.sync(() => held.destroy()),
  );
  return Compute.of({
    info: backend.info,
    put: (data, shape, dtype) =>
      Effect.try({ try: () => backend.put(data, shape, dtype), catch: toError("put") }),
    get: (array) => Effect.tryPromise({ try: () => backend.get(array), catch: toError("get") }),
    release: (arrays) =>
      Effect.try({ try: () => backend.release(arrays), catch: toError("release") }),
    compile: (graph, options) =>
      Effect.tryPromise({
        try: () => backend.compile(graph, options),
        catch: toError(graph.name),
      }),
  });
});

/** The WebGPU backend. Everything it holds is freed when the layer's scope closes. */
export const layer = (
  options: typeof Options.Encoded,
): Layer.Layer<Compute, PluginOptionsError | ComputeError> =>
  Layer.effect(
    Compute,
    Effect.gen(function* () {
      const settings = yield* decodeOptions("compute-webgpu", Options, options);
      return yield* makeCompute(yield* openDevice({ adapter: settings.adapter }), settings);
    }),
  );
