/** The device of a run: one scope owns adapter and device, and everything that goes wrong on it becomes a typed error. */
import { ComputeError } from "@resd/core";
import { Effect, type Scope } from "effect";
import { globals } from "webgpu";
import {
  type AdapterInfo,
  adapterTitle,
  chooseAdapter,
  limitsOf,
  listAdapters,
  requestAdapter,
} from "./adapters.ts";

/** Flags of WebGPU, which browsers have as globals. */
export const { GPUBufferUsage, GPUMapMode } = globals as Pick<
  typeof globalThis,
  "GPUBufferUsage" | "GPUMapMode"
>;

export interface DeviceSettings {
  /** A number of the list, a part of a name, or nothing: the first. */
  readonly adapter: string | number;
}

export interface GpuDevice {
  readonly device: GPUDevice;
  readonly adapter: AdapterInfo;
  /** What the device was given: all that the adapter has. */
  readonly limits: Readonly<Record<string, number>>;
  /**
   * The first error after which nothing of this device can be trusted: it was lost, a call was invalid, memory ran out.
   * Undefined while all is well; never cleared.
   */
  readonly failure: () => ComputeError | undefined;
  /** Ends when the device fails, and never otherwise: what waits for the device races with it. */
  readonly failed: Promise<ComputeError>;
}

/** Features that kernels have variants for. */
const WANTED: ReadonlySet<string> = new Set([
  "shader-f16",
  "subgroups",
  "subgroup-size-control",
  "timestamp-query",
  "chromium-experimental-subgroup-matrix",
]);

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

/** Objects that Dawn's messages name, those that say most about the kernel first. */
const LABELLED = [
  "ComputePipeline",
  "ShaderModule",
  "ComputePassEncoder",
  "BindGroup",
  "CommandBuffer",
  "CommandEncoder",
  "Buffer",
];

/** The label of the kernel, or else of what is nearest to it, in a message of Dawn's; `device` where none is named. */
export const labelIn = (message: string): string => {
  for (const kind of LABELLED) {
    const [, label] = new RegExp(`${kind}\\w* (?:[^\\]"]*)"+([^"]+)"`).exec(message) ?? [];
    if (label !== undefined) return label;
  }
  return "device";
};

/** Dawn's message on one line. */
const flat = (message: string): string =>
  message
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ");

const lossError = (adapter: AdapterInfo, { reason, message }: GPUDeviceLostInfo): ComputeError => {
  const advice =
    reason === "destroyed"
      ? "it was destroyed while it was in use: start again"
      : "the driver reset it, or a kernel ran for longer than the system allows: look into the system's log, make batches smaller, and start again";
  return new ComputeError({
    message: `Expected ${adapterTitle(adapter)} to stay, got the loss of the device (${flat(message) || reason}); ${advice}`,
    op: "device",
  });
};

const uncapturedError = (adapter: AdapterInfo, error: GPUError): ComputeError => {
  const op = labelIn(error.message);
  const outOfMemory = error.constructor.name === "GPUOutOfMemoryError";
  const [expected, advice] = outOfMemory
    ? ["memory for", "make batches smaller, or take another adapter (--adapter)"]
    : ["valid calls for", "this is an error of the backend: please report it with this message"];
  return new ComputeError({
    message: `Expected ${expected} ${op} on ${adapterTitle(adapter)}, got ${error.constructor.name}: ${flat(error.message)}; ${advice}`,
    op,
  });
};

const refused = (adapter: AdapterInfo, cause: unknown): ComputeError =>
  new ComputeError({
    message: `Expected a device of ${adapterTitle(adapter)}, got: ${flat(messageOf(cause))}; look whether another process holds the GPU, or take another adapter (--adapter)`,
    op: "device",
  });

const requestDevice = async (info: AdapterInfo): Promise<GPUDevice> => {
  const adapter = await requestAdapter(info);
  if (adapter === null) throw new Error("the adapter is gone");
  return adapter.requestDevice({
    label: info.name,
    requiredFeatures: info.features.filter((name) => WANTED.has(name)) as Array<GPUFeatureName>,
    requiredLimits: { ...info.limits },
  });
};

/** Everything that is wrong with a device from now on, the first of it kept. */
const watch = (device: GPUDevice, adapter: AdapterInfo) => {
  let closing = false;
  let first: ComputeError | undefined;
  let tell: (error: ComputeError) => void;
  const failed = new Promise<ComputeError>((resolve) => (tell = resolve));
  const fail = (error: ComputeError): void => {
    if (closing) return;
    first ??= error;
    tell(error);
  };
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault(); // otherwise Dawn writes to standard error as well
    fail(uncapturedError(adapter, event.error));
  });
  void device.lost.then((info) => fail(lossError(adapter, info)));
  return { failure: () => first, failed, close: () => (closing = true) };
};

/**
 * Opens a device with all the limits and those features of the adapter that kernels have variants for. Closing the scope
 * destroys the device and waits until it is gone.
 */
export const openDevice = Effect.fnUntraced(function* (
  settings: DeviceSettings,
): Effect.fn.Return<GpuDevice, ComputeError, Scope.Scope> {
  const adapter = yield* chooseAdapter(yield* listAdapters, settings.adapter);
  const { device, failure, failed } = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const made = await requestDevice(adapter);
        return { device: made, ...watch(made, adapter) };
      },
      catch: (cause) => refused(adapter, cause),
    }),
    (opened) =>
      Effect.promise(() => {
        opened.close();
        opened.device.destroy();
        return opened.device.lost;
      }),
  );
  return { device, adapter, limits: limitsOf(device.limits), failure, failed };
});
