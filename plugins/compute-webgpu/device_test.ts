import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { listAdapters } from "./adapters.ts";
import { GPUBufferUsage, labelIn, openDevice } from "./device.ts";

const [adapter] = await Effect.runPromise(listAdapters);
if (adapter === undefined) {
  process.stderr.write(
    'SKIPPED, NOT PASSED: no WebGPU adapter on this machine. A software one: eval "$(tools/webgpu/software_driver.sh)"\n',
  );
}

const first = { adapter: "" };

describe("labelIn()", () => {
  it("finds the kernel that a message of Dawn's is about", () => {
    for (const [message, label] of [
      ['[Invalid ShaderModule "matmul @ step"] is invalid', "matmul @ step"],
      ['While calling [Device "d"].CreateShaderModule([ShaderModuleDescriptor ""k 1""]).', "k 1"],
      ['[Invalid CommandBuffer "prog z" from CommandEncoder "enc z"] is invalid', "prog z"],
      ['does not fit in [Buffer "weights"] size (16).', "weights"],
      ['[BindGroup (unlabeled)] with [Invalid ComputePipeline "gemv"]', "gemv"],
      ["[Queue].Submit failed", "device"],
    ] as const) {
      assert.strictEqual(labelIn(message), label);
    }
  });
});

describe.skipIf(adapter === undefined)("openDevice()", () => {
  it.effect("gives a device all limits of its adapter, and its features for kernels", () =>
    Effect.gen(function* () {
      const { device, limits, adapter: opened, failure } = yield* openDevice(first);
      for (const name of ["maxBufferSize", "maxStorageBufferBindingSize"]) {
        assert.strictEqual(limits[name], opened.limits[name]);
      }
      for (const feature of ["shader-f16", "subgroups", "timestamp-query"]) {
        assert.strictEqual(device.features.has(feature), opened.features.includes(feature));
      }
      assert.isUndefined(failure());
    }),
  );

  it.effect("refuses an adapter that is not there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(openDevice({ adapter: "no such GPU" }));
      assert.strictEqual(error.op, "adapter");
      assert.include(error.message, `choose one of 0: ${adapter?.name}`);
    }),
  );

  it.live("turns an invalid call into an error with the label of what it was about", () =>
    Effect.gen(function* () {
      const { device, failed, failure } = yield* openDevice(first);
      const buffer = device.createBuffer({
        label: "adamw @ step",
        size: 16,
        usage: GPUBufferUsage.STORAGE,
      });
      device.queue.writeBuffer(buffer, 0, new Float32Array(8));
      const error = yield* Effect.promise(() => failed);
      assert.strictEqual(error, failure());
      assert.strictEqual(error.op, "adamw @ step");
      assert.match(error.message, /^Expected valid calls for adamw @ step on .*GPUValidationError/);
    }),
  );

  it.live("tells of a lost device, and that what waits for it will not come", () =>
    Effect.gen(function* () {
      const { device, failed, failure } = yield* openDevice(first);
      device.destroy();
      const error = yield* Effect.promise(() => failed);
      assert.strictEqual(error, failure());
      assert.strictEqual(error.op, "device");
      assert.include(error.message, "got the loss of the device (device was destroyed)");
    }),
  );

  it.live("says nothing when its own scope closes", () =>
    Effect.gen(function* () {
      const { device, failure } = yield* Effect.scoped(openDevice(first));
      const { reason } = yield* Effect.promise(() => device.lost);
      assert.strictEqual(reason, "destroyed");
      assert.isUndefined(failure());
    }),
  );

  it.live("leaves nothing behind, over and over, losses included, in a process that ends", () =>
    Effect.gen(function* () {
      const script = fileURLToPath(new URL("./_cycles.ts", import.meta.url));
      const { stdout } = yield* Effect.promise(() =>
        promisify(execFile)(process.execPath, [script, "6"]),
      );
      const { before, after } = JSON.parse(stdout);
      // A leak is one of each cycle, or of each loss: at least three here. One more may be made late, once for all.
      assert.isAtMost(after.files, before.files + 1);
      assert.isAtMost(after.threads, before.threads + 1); // one may not have ended yet
    }),
  );
});
