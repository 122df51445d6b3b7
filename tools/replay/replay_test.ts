import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { ROOT } from "@resd/cli/host";
import { layer as onnx } from "@resd/compute-onnx";
import { layer as webgpu } from "@resd/compute-webgpu";
import type { Compute } from "@resd/core";
import { Effect, FileSystem, Layer } from "effect";
import { LIMITS, violations } from "./limits.ts";
import { defaultPolicy, parseRecording, samplesOf } from "./recording.ts";
import { replay } from "./replay.ts";

const adapter = await Effect.runPromise(Effect.result(Effect.scoped(Layer.build(webgpu({})))));
if (adapter._tag === "Failure") {
  process.stderr.write(`SKIPPED, NOT PASSED: the replay on WebGPU: ${adapter.failure.message}\n`);
}

describe("violations()", () => {
  it("names the update and the number that is too far off", () => {
    const broken = violations(
      { updates: [{ loss: 1e-3, gradNorm: 1e-6, seconds: [1, 1] }], parameters: 0, change: 0 },
      LIMITS,
    );
    assert.lengthOf(broken, 1);
    assert.include(broken[0], "the loss of update 1");
  });

  it("lets no NaN through", () => {
    const report = { updates: [], parameters: Number.NaN, change: 0 };
    assert.lengthOf(violations(report, LIMITS), 1);
  });
});

/** What the model answers to the first prompts of a recording. */
const answers = <E, R>(compute: Layer.Layer<Compute, E, R>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem;
    const text = yield* fs.readFileString(`${ROOT}/tools/replay/fixtures/kestrel_2.jsonl`);
    const [update] = yield* parseRecording(text);
    const policy = yield* defaultPolicy(`${ROOT}/models/kestrel`);
    return yield* policy.generate(
      samplesOf(update!)
        .slice(0, 3)
        .map(({ id, student }, i) => ({
          id,
          prompt: student.ids.subarray(0, student.from),
          seed: i,
          sampling: { temperature: 1, topP: 0.9, topK: 0, maxTokens: 8, stop: [] },
          as: "student" as const,
        })),
    );
  }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(compute, NodeServices.layer)));

describe.skipIf(adapter._tag === "Failure")("the policy on WebGPU", () => {
  it.live(
    "samples the tokens that it samples on ONNX Runtime, from a cache on the device",
    () =>
      Effect.gen(function* () {
        const wanted = yield* answers(onnx({ threads: 2 }));
        const got = yield* answers(webgpu({}));
        for (const [i, { ids, logProbs }] of wanted.entries()) {
          assert.deepStrictEqual([...got[i]!.ids], [...ids]);
          logProbs.forEach((value, t) => assert.closeTo(got[i]!.logProbs[t]!, value, 1e-4));
        }
      }),
    300_000,
  );
});

describe.skipIf(adapter._tag === "Failure")("replay()", () => {
  it.live(
    "finds that two updates of the default run come out on WebGPU as on ONNX Runtime",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const text = yield* fs.readFileString(`${ROOT}/tools/replay/fixtures/kestrel_2.jsonl`);
        const updates = yield* parseRecording(text);
        const model = `${ROOT}/models/kestrel`;
        const report = yield* replay(
          updates,
          { model, compute: onnx({ threads: 2 }) },
          { model, compute: webgpu({}) },
        );
        assert.lengthOf(report.updates, 2);
        assert.deepStrictEqual(violations(report, LIMITS), []);
      }).pipe(Effect.provide(NodeServices.layer)),
    300_000,
  );
});
