/** A run whose GPU goes away. */
import { assert, describe, it } from "@effect/vitest";
import { chooseAdapter, listAdapters, requestAdapter } from "@resd/compute-webgpu/adapters";
import { RunSummary, defineRun } from "@resd/run";
import { Cause, Effect, Exit, FileSystem, Schema } from "effect";
import { failureText } from "./failure.ts";
import { prepareIn, runServices } from "./_scripted_run.ts";

const [adapter] = await Effect.runPromise(listAdapters);
if (adapter === undefined) {
  process.stderr.write(
    'SKIPPED, NOT PASSED: a lost device, no WebGPU adapter on this machine. A software one: eval "$(tools/webgpu/software_driver.sh)"\n',
  );
}

/** Submissions after which the device is destroyed: the first evaluation is under way. */
const SUBMISSIONS = 8;

/** Destroys every device that is opened in the scope, once it has been used a few times. */
const loseDevices = Effect.acquireRelease(
  Effect.gen(function* () {
    const info = yield* chooseAdapter(yield* listAdapters, "");
    const found = yield* Effect.promise(() => requestAdapter(info));
    const prototype = Object.getPrototypeOf(found) as GPUAdapter;
    const request = prototype.requestDevice;
    prototype.requestDevice = async function (this: GPUAdapter, ...args) {
      const device = await request.apply(this, args);
      const { queue } = device;
      const submit = queue.submit.bind(queue);
      let count = 0;
      queue.submit = (commands) => {
        submit(commands);
        if (++count === SUBMISSIONS) device.destroy();
      };
      Object.defineProperty(device, "queue", { value: queue });
      return device;
    };
    return () => (prototype.requestDevice = request);
  }),
  (restore) => Effect.sync(restore),
);

const definition = defineRun({
  preset: "kestrel",
  config: {
    trackers: [],
    compute: { use: "webgpu" },
    resd: { updates: 1, batchSize: 2, evaluation: { every: 1, tasks: 1, samples: 1 } },
  },
});

describe.skipIf(adapter === undefined)("a run on a GPU", () => {
  it.live(
    "ends with a typed error and a readable folder when the device is lost",
    () =>
      Effect.gen(function* () {
        yield* loseDevices;
        const { files, conduct } = yield* prepareIn(definition);
        const exit = yield* Effect.exit(conduct);
        assert.isTrue(Exit.isFailure(exit));
        const cause = Exit.isFailure(exit) ? exit.cause : Cause.empty;
        assert.match(failureText(cause) ?? "", /to stay, got the loss of the device/);
        const fs = yield* FileSystem.FileSystem;
        const text = yield* fs.readFileString(`${files.folder}/summary.json`);
        const summary = yield* Schema.decodeEffect(Schema.fromJsonString(RunSummary))(text);
        assert.strictEqual(summary.outcome, "failed");
        assert.include(summary.message, "got the loss of the device");
        assert.isTrue(yield* fs.exists(`${files.folder}/run.json`));
      }).pipe(Effect.provide(runServices), Effect.scoped),
    120_000,
  );
});
