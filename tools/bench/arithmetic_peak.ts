/** What an adapter's arithmetic gives when nothing is read: the measure of its products. */
import { ComputeError } from "@resd/core";
import { openDevice } from "@resd/compute-webgpu/device";
import { stopwatchOf } from "@resd/compute-webgpu/stopwatch";
import { globals } from "webgpu";
import { Effect } from "effect";

const { GPUBufferUsage } = globals as Pick<typeof globalThis, "GPUBufferUsage">;

const LANES = 256;
const GROUPS = 4096;

/** Multiplications and additions of a step: eight chains of four numbers each, none of which waits for another. */
const CHAINS = 8;
const PER_STEP = CHAINS * 4 * 2;

const chains = (text: (chain: number) => string): string =>
  Array.from({ length: CHAINS }, (_, chain) => text(chain)).join(" ");

/** The sums are stored when they are negative, which they never are: no compiler can know. */
const code = (steps: number): string => `
@group(0) @binding(0) var<storage, read_write> result: array<f32>;
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = vec4<f32>(f32(id.x % 7u) * 0.001);
  ${chains((c) => `var s${c} = vec4<f32>(${c}.5);`)}
  for (var step = 0u; step < ${steps}u; step++) { ${chains((c) => `s${c} = s${c} * x + x;`)} }
  let all = ${Array.from({ length: CHAINS }, (_, c) => `s${c}`).join(" + ")};
  if (all.x < 0.0) { result[id.x] = all.x + all.y + all.z + all.w; }
}`;

/** Milliseconds of a run that is long enough to be measured, at least. */
const ENOUGH = 5;

/** Operations a second on numbers of 32 bits, the best of some runs. */
export const arithmeticPeak = (adapter: number): Effect.Effect<number, ComputeError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { device } = yield* openDevice({ adapter });
      const measure = async (): Promise<number> => {
        const watch = stopwatchOf(device);
        const buffer = device.createBuffer({
          size: LANES * GROUPS * 4,
          usage: GPUBufferUsage.STORAGE,
        });
        let best = 0;
        for (let [steps, enough] = [16, 0]; enough < 3 && steps <= 2 ** 20;) {
          const module = device.createShaderModule({ code: code(steps) });
          const pipeline = await device.createComputePipelineAsync({
            layout: "auto",
            compute: { module },
          });
          const group = device.createBindGroup({
            layout: pipeline.getBindGroupLayout(0),
            entries: [{ binding: 0, resource: { buffer } }],
          });
          const time = await watch.time(() => {
            const encoder = device.createCommandEncoder();
            const pass = encoder.beginComputePass();
            pass.setPipeline(pipeline);
            pass.setBindGroup(0, group);
            pass.dispatchWorkgroups(GROUPS);
            pass.end();
            return [encoder.finish()];
          });
          best = Math.max(best, (LANES * GROUPS * steps * PER_STEP) / time);
          if (time < ENOUGH) steps *= 4;
          else enough += 1;
        }
        watch.destroy();
        buffer.destroy();
        return best * 1000;
      };
      return yield* Effect.tryPromise({
        try: measure,
        catch: (cause) =>
          new ComputeError({
            op: "arithmetic peak",
            message: `Expected a figure of the adapter's arithmetic, got: ${String(cause)}`,
          }),
      });
    }),
  );
