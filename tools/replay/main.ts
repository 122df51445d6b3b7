/**
 * Whether a backend trains as another does: the batches of a run are recorded once and replayed on both.
 *
 *     node tools/replay/main.ts record --updates 20 --out recording.jsonl
 *     node tools/replay/main.ts compare --recording recording.jsonl
 *
 *     node tools/replay/main.ts compare --recording recording.jsonl --each
 *     node tools/replay/main.ts compare --recording recording.jsonl --control
 *     node tools/replay/main.ts compare --kernels gpu --products f16
 *
 * `record` trains the default run on ONNX Runtime and writes what each update was taught. `compare` teaches the same to the
 * untrained model on ONNX Runtime and on WebGPU, prints how far losses, gradient norms and parameters come apart, and ends
 * with 1 where they differ by more than allowed. With `--each` every update on WebGPU starts from the weights, optimizer and
 * teacher that ONNX Runtime had before it, so that no difference is one that earlier ones have grown to. With `--control` the second side is ONNX Runtime too, from weights of which
 * the last bit of each is drawn: how far any two computations come apart that round differently.
 */
import { parseArgs } from "node:util";
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { ROOT, hostLayer } from "@resd/cli/host";
import { layer as onnx } from "@resd/compute-onnx";
import { layer as webgpu, Options } from "@resd/compute-webgpu";
import { decodeOptions, makeRandom } from "@resd/core";
import { loadFolder, saveFolder } from "@resd/models";
import { run } from "@resd/run";
import { Console, Effect, FileSystem, Layer, Schema } from "effect";
import {
  parseRecording,
  type RecordedUpdate,
  recordingPolicy,
  recordingText,
} from "./recording.ts";
import { replay, weightsOf } from "./replay.ts";
import { LIMITS, violations } from "./limits.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    updates: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    out: { type: "string", default: "recording.jsonl" },
    recording: { type: "string", default: `${ROOT}/tools/replay/fixtures/kestrel_2.jsonl` },
    model: { type: "string", default: `${ROOT}/models/kestrel` },
    adapter: { type: "string", default: "" },
    kernels: { type: "string", default: "auto" },
    products: { type: "string", default: "f32" },
    each: { type: "boolean", default: false },
    control: { type: "boolean", default: false },
  },
});

class ReplayError extends Schema.TaggedError<ReplayError>()("ReplayError", {
  message: Schema.String,
}) {}

const record = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const runDir = yield* fs.makeTempDirectoryScoped({ prefix: "resd-record-" });
  const updates: Array<RecordedUpdate> = [];
  const values = {
    seed: flags.seed,
    model: flags.model,
    runDir: `${runDir}/run`,
    trackers: "[]",
    "resd.updates": flags.updates,
    // Evaluations teach nothing.
    "resd.evaluation.tasks": "1",
    "resd.evaluation.samples": "1",
  };
  yield* run(
    {
      layers: {
        policy: recordingPolicy(flags.model, updates).pipe(Layer.provide(onnx({ threads: 2 }))),
      },
    },
    Object.entries(values).map(([path, text]) => ({ path, text })),
  );
  yield* fs.writeFileString(flags.out, recordingText(updates));
  yield* Console.log(`${updates.length} updates in ${flags.out}`);
}).pipe(Effect.scoped, Effect.provide(hostLayer));

/** A copy of a model's folder with the last bit of every weight drawn. */
const withNoise = Effect.fnUntraced(function* (model: string) {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "resd-noise-" });
  const { config } = yield* loadFolder(model);
  const weights = yield* weightsOf(model);
  yield* fs.copy(model, folder, { overwrite: true });
  const random = makeRandom("replay", "noise");
  yield* saveFolder(folder, config, (name) =>
    Effect.sync(() => {
      const bits = new Int32Array(Float32Array.from(weights.get(name)!).buffer);
      bits.forEach((word, i) => (bits[i] = (word & ~1) | random.int(2)));
      return new Float32Array(bits.buffer);
    }),
  );
  return folder;
});

const compare = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const updates = yield* parseRecording(yield* fs.readFileString(flags.recording));
  const model = flags.model;
  const settings = yield* decodeOptions("compute-webgpu", Options, {
    adapter: flags.adapter,
    kernels: flags.kernels,
    products: flags.products,
  });
  const one = { model, compute: onnx({ threads: 2 }) };
  const other = flags.control
    ? { ...one, model: yield* withNoise(model) }
    : { model, compute: webgpu(settings) };
  const report = yield* replay(updates, one, other, { each: flags.each });
  yield* Console.log(
    "update      loss  gradient norm  parameters  of the change   seconds (first, second)",
  );
  for (const [i, { loss, gradNorm, parameters, change, seconds }] of report.entries()) {
    const times = seconds.map((value) => value.toFixed(2)).join(", ");
    const error = (value: number, width: number) => value.toExponential(1).padStart(width);
    yield* Console.log(
      `${String(i + 1).padStart(6)}  ${error(loss, 8)}  ${error(gradNorm, 13)}  ${error(parameters, 10)}  ${error(change, 13)}   ${times}`,
    );
  }
  const broken = violations(report, LIMITS);
  if (broken.length > 0) return yield* new ReplayError({ message: broken.join("\n") });
}).pipe(Effect.scoped);

const VERBS = { record, compare };
const [verb = "compare"] = positionals;
const program =
  verb in VERBS
    ? VERBS[verb as keyof typeof VERBS]
    : Effect.fail(
        new ReplayError({
          message: `Expected one of ${Object.keys(VERBS).join(", ")}, got ${verb}`,
        }),
      );
NodeRuntime.runMain(Effect.provide(program, NodeServices.layer));
