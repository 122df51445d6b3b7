/** The adapters that `--compute webgpu --adapter <number or name>` can choose, each with what it can do. */
import type { ComputeError } from "@resd/core";
import { Effect } from "effect";
import { productSpeed, shownSpeed } from "./product_speed.ts";

export interface Gpu {
  readonly index: number;
  /** What it is and how fast, or why it does not compute. */
  readonly detail: Effect.Effect<string, ComputeError>;
}

/** A product that takes milliseconds on hardware, and no more than a second or two in software. */
const SIZE = { hardware: 4096, software: 256 };

const gibibytes = (bytes: number | undefined): string =>
  `${((bytes ?? 0) / 2 ** 30).toPrecision(2)} GiB`;

/** Features that decide which kernels run. */
const FEATURES: Readonly<Record<string, string>> = {
  "shader-f16": "f16",
  subgroups: "subgroups",
  "chromium-experimental-subgroup-matrix": "subgroup matrices",
  "timestamp-query": "timestamps",
};

/** All adapters, GPUs before software. None where no driver is installed, or where Dawn has no binary for this platform. */
export const gpus: Effect.Effect<ReadonlyArray<Gpu>> = Effect.gen(function* () {
  const { layer } = yield* Effect.promise(() => import("@resd/compute-webgpu"));
  const { adapterTitle, listAdapters } = yield* Effect.promise(
    () => import("@resd/compute-webgpu/adapters"),
  );
  const adapters = yield* listAdapters;
  return adapters.map((adapter) => {
    const { index, software, limits } = adapter;
    const size = software ? SIZE.software : SIZE.hardware;
    const features = Object.entries(FEATURES).flatMap(([name, shown]) =>
      adapter.features.includes(name) ? [shown] : [],
    );
    const detail = productSpeed(size).pipe(
      Effect.map((speed) =>
        [
          `${adapterTitle(adapter)}, ${adapter.description}`,
          features.length === 0 ? "no features for kernels" : features.join(", "),
          `bindings to ${gibibytes(limits["maxStorageBufferBindingSize"])}, buffers to ${gibibytes(limits["maxBufferSize"])}`,
          `groups of ${limits["maxComputeInvocationsPerWorkgroup"]}`,
          shownSpeed(speed, size),
        ].join("; "),
      ),
      Effect.provide(layer({ adapter: index })),
      Effect.catchTag("PluginOptionsError", Effect.die),
    );
    return { index, detail };
  });
}).pipe(Effect.catchCause(() => Effect.succeed([])));
