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
    const fine = { loss: 1e-6, gradNorm: 1e-6, parameters: 0, change: 0, seconds: [1, 1] } as const;
    const broken = violations([fine, { ...fine, loss: 1e-3 }], LIMITS);
    assert.lengthOf(broken, 1);
    assert.include(broken[0], "the loss of update 2");
  });

  it("lets no NaN through", () => {
    const update = {
      loss: 0,
      gradNorm: 0,
      parameters: Number.NaN,
      change: 0,
      seconds: [1, 1],
    } as const;
    assert.lengthOf(violations([update], LIMITS), 1);
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

describe("replay(), each update from the first side's state", () => {
  it.live(
    "finds a backend equal to itself to the last bit",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const text = yield* fs.readFileString(`${ROOT}/tools/replay/fixtures/kestrel_2.jsonl`);
        const side = { model: `${ROOT}/models/kestrel`, compute: onnx({ threads: 2 }) };
        const report = yield* replay(yield* parseRecording(text), side, side, { each: true });
        assert.lengthOf(report, 2);
        for (const { loss, gradNorm, change } of report) {
          assert.deepStrictEqual([loss, gradNorm, change], [0, 0, 0]);
        }
      }).pipe(Effect.provide(NodeServices.layer)),
    60_000,
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
        assert.lengthOf(report, 2);
        assert.deepStrictEqual(violations(report, LIMITS), []);
      }).pipe(Effect.provide(NodeServices.layer)),
    300_000,
  );
});
