/** How long the device takes for commands: by its own clock where it has one to show, else by ours. */
import { GPUBufferUsage, GPUMapMode } from "./device.ts";

export interface Stopwatch {
  /** Milliseconds from the first of these commands to the last. */
  readonly time: (commands: () => ReadonlyArray<GPUCommandBuffer>) => Promise<number>;
  readonly destroy: () => void;
}

const byHost = (device: GPUDevice): Stopwatch => ({
  time: async (commands) => {
    const list = commands();
    await device.queue.onSubmittedWorkDone();
    const start = performance.now();
    device.queue.submit([...list]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  },
  destroy: () => undefined,
});

/** Two timestamps of 64 bits. */
const BYTES = 16;

/** Empty passes before and after take the time: programs record passes of their own. */
const byDevice = (device: GPUDevice): Stopwatch => {
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = device.createBuffer({ size: BYTES, usage });
  const shown = device.createBuffer({
    size: BYTES,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const stamp = (index: 0 | 1): GPUCommandEncoder => {
    const encoder = device.createCommandEncoder();
    const timestampWrites: GPUComputePassTimestampWrites =
      index === 0
        ? { querySet, endOfPassWriteIndex: 0 }
        : { querySet, beginningOfPassWriteIndex: 1 };
    encoder.beginComputePass({ timestampWrites }).end();
    return encoder;
  };
  return {
    time: async (commands) => {
      const list = commands();
      const end = stamp(1);
      end.resolveQuerySet(querySet, 0, 2, resolved, 0);
      end.copyBufferToBuffer(resolved, 0, shown, 0, BYTES);
      device.queue.submit([stamp(0).finish(), ...list, end.finish()]);
      await shown.mapAsync(GPUMapMode.READ);
      const [from, to] = new BigUint64Array(shown.getMappedRange());
      const nanoseconds = Number(to! - from!);
      shown.unmap();
      return nanoseconds / 1e6;
    },
    destroy: () => {
      querySet.destroy();
      resolved.destroy();
      shown.destroy();
    },
  };
};

export const stopwatchOf = (device: GPUDevice): Stopwatch =>
  device.features.has("timestamp-query") ? byDevice(device) : byHost(device);
