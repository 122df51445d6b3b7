import { assert, describe, layer as withLayer } from "@effect/vitest";
import { Compute, type HostArray } from "@resd/core";
import { GOLDEN_TOLERANCE, goldenCases } from "@resd/objectives/golden";
import { computeLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect } from "effect";
import { layer } from "./mod.ts";

describe("compute-onnx keeps the laws of backends, with two threads", () => {
  registerLaws(computeLaws(), { layer: layer({ threads: 2 }) });
});

withLayer(layer({ threads: 1 }))("compute-onnx reproduces the golden losses in f32", (it) => {
  for (const { name, graph, inputs, expected } of goldenCases()) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const compute = yield* Compute;
        const program = yield* compute.compile(graph);
        const feeds: Record<string, HostArray> = {};
        for (const [key, value] of Object.entries(inputs)) {
          feeds[key] = value instanceof Int32Array ? value : Float32Array.from(value);
        }
        const names = Object.keys(expected);
        const { values } = yield* program.run(feeds, { read: names });
        for (const key of names) {
          const [got, want] = [values[key]!, expected[key]!];
          assert.strictEqual(got.length, want.length);
          want.forEach((value, i) => {
            const error = Math.abs(got[i]! - value) / Math.max(1, Math.abs(value));
            assert.isAtMost(error, GOLDEN_TOLERANCE.f32, `${key}[${i}]`);
          });
        }
      }),
    );
  }
});
