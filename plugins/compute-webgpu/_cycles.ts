/**
 * Opens and closes devices, and says what that leaves behind:
 *
 *     node plugins/compute-webgpu/_cycles.ts 50
 *
 * Each cycle computes and reads back; every other one ends in the loss of the device.
 */
import { readdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Effect } from "effect";
import { GPUBufferUsage, GPUMapMode, openDevice } from "./device.ts";

const CODE = `@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { values[id.x] = values[id.x] + 1.0; }`;

const VALUES = 64;

/** Entries of a folder of /proc; 0 where there is none. */
const entries = (folder: string): number => {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
};

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What the process holds once everything has been collected: devices keep the threads that compiled for them until then. */
const held = async () => {
  for (let round = 0; round < 3; round++) {
    collect();
    await setTimeout(50);
  }
  return {
    files: entries("/proc/self/fd"),
    threads: entries("/proc/self/task"),
    megabytes: Math.round(process.memoryUsage.rss() / 2 ** 20),
  };
};

const compute = async (device: GPUDevice): Promise<number> => {
  const bytes = VALUES * 4;
  const values = device.createBuffer({
    size: bytes,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  const result = device.createBuffer({
    size: bytes,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(values, 0, new Float32Array(VALUES).fill(41));
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: CODE }) },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const resource = { buffer: values };
  const layout = pipeline.getBindGroupLayout(0);
  pass.setBindGroup(0, device.createBindGroup({ layout, entries: [{ binding: 0, resource }] }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(values, 0, result, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await result.mapAsync(GPUMapMode.READ);
  return new Float32Array(result.getMappedRange())[VALUES - 1]!;
};

const cycle = (number: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { device, failed } = yield* openDevice({ adapter: "" });
      const value = yield* Effect.promise(() => compute(device));
      if (value !== 42) return yield* Effect.die(`Expected 42, got ${value}`);
      if (number % 2 === 1) return;
      device.destroy();
      yield* Effect.promise(() => failed);
    }),
  );

const cycles = Number(process.argv[2] ?? 50);
await Effect.runPromise(Effect.forEach([1, 2], cycle)); // what is made once
const before = await held();
const numbers = Array.from({ length: cycles }, (_, number) => number);
await Effect.runPromise(Effect.forEach(numbers, cycle, { discard: true }));
process.stdout.write(`${JSON.stringify({ cycles, before, after: await held() })}\n`);
