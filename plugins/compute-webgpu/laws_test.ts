import { assert, describe, it } from "@effect/vitest";
import { computeLaws, computeSizeLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect } from "effect";
import { underMutation } from "./_mutated.ts";
import { listAdapters } from "./adapters.ts";
import { layer } from "./mod.ts";

const [adapter] = await Effect.runPromise(listAdapters);
if (adapter === undefined) {
  process.stderr.write(
    'SKIPPED, NOT PASSED: the laws of compute-webgpu, no WebGPU adapter on this machine. A software one: eval "$(tools/webgpu/software_driver.sh)"\n',
  );
}

describe.skipIf(adapter === undefined)("compute-webgpu keeps the laws of backends", () => {
  registerLaws([...computeLaws(), ...computeSizeLaws()], {
    layer: layer({}),
    timeoutMillis: 120_000,
  });
});

/** What is changed in a kernel's text, and the law that must see it. */
const MUTATIONS: ReadonlyArray<readonly [law: string, from: string, to: string]> = [
  ["compute.graph.unary", "1.0 / (1.0 + exp(", "1.0 / (1.0001 + exp("],
  ["compute.graph.expm1-near-zero", "x * (1.0 + x", "x * (1.0001 + x"],
  ["compute.graph.softmax-gradients", "log(", "1.001 * log("],
  ["compute.graph.matmul-wide", "k < numbers", "k + 2u < numbers"],
  ["compute.graph.adamw", "let size = ", "let size = 1.001 * "],
  ["compute.donate.optimizer", "thread >= numbers", "thread > numbers"],
  ["compute.graph.reductions", "var v0: f32 = 0.0;", "var v0: f32 = 0.001;"],
  ["compute.graph.scatter-rows-crowded", "select(0, 1, before", "select(1, 1, before"],
  ["compute.graph.sample-top-p", "= 0.0; var last", "= 0.1; var last"],
  ["compute.graph.top-k-ties", "value > bests[n - 1u]", "value >= bests[n - 1u]"],
  ["compute.graph.top-k-many", "c > lastIndex", "c >= lastIndex"],
  ["compute.graph.losses-tail", ") & 1u) == 1u", ") & 1u) == 0u"],
  ["compute.graph.rope", "+ select(", "+ 1.001 * select("],
  ["compute.graph.rope", "thread * 4u", "thread * 3u"],
  ["compute.graph.attention-long", "s += 4u", "s += 5u"],
  ["compute.graph.attention-long", "t += 4u", "t += 5u"],
  ["compute.graph.rms-norm", "1.0 / sqrt(", "1.001 / sqrt("],
  ["compute.graph.rms-norm", " * 32u;", " * 31u;"],
  ["compute.graph.norms-of-many", "== 3u)", "== 2u)"],
  ["compute.graph.cache-write", "u32(b", "1u + u32(b"],
];

describe.skipIf(adapter === undefined)("the laws of backends", () => {
  for (const [id, from, to] of MUTATIONS) {
    it.live(`see that a kernel has ${JSON.stringify(to)} in it`, () =>
      Effect.gen(function* () {
        const laws = computeLaws().filter((law) => law.id === id);
        const { changed, passed } = yield* underMutation(laws, [from, to]);
        assert.isAbove(changed, 0, "the text is in no kernel of the law");
        assert.isFalse(passed, id);
      }),
    );
  }
});
