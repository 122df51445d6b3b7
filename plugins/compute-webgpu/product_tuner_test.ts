import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, describe, it } from "@effect/vitest";
import { graph, input, matMul } from "@resd/tensor";
import { Effect, Schema } from "effect";
import { listAdapters } from "./adapters.ts";
import { targetOf } from "./compute_webgpu.ts";
import { openDevice } from "./device.ts";
import { lowerGraph } from "./lower.ts";
import { Options } from "./options.ts";
import { ProductTuner } from "./product_tuner.ts";
import { readTuned, tunedPath, writeTuned } from "./tuned_plans.ts";

const [adapter] = await Effect.runPromise(listAdapters);
if (adapter === undefined) {
  process.stderr.write("SKIPPED, NOT PASSED: measurements of products, no WebGPU adapter\n");
}

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "resd-tuned-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true })),
);

const product = (M: number) =>
  graph({ c: matMul(input("a", [M, 96]), input("b", [96, 40])) }, { name: "product" });

describe.skipIf(adapter === undefined)("ProductTuner", () => {
  it.live("measures a class of sizes once, and every other process takes what it found", () =>
    Effect.gen(function* () {
      const path = yield* folder;
      const gpu = yield* openDevice({ adapter: "" });
      const settings = Schema.decodeUnknownSync(Options)({});
      // Kernels without shared tiles: software adapters take seconds to compile the others.
      const target = { ...targetOf(gpu, settings), maxLanes: 64 };
      const warnings: Array<string> = [];
      const open = () =>
        Effect.promise(() => ProductTuner.open(gpu, (line) => warnings.push(line), path));
      const meet = (tuner: ProductTuner, M: number) =>
        Effect.promise(() => {
          lowerGraph(product(M), tuner.tuned(target), new Set());
          return tuner.measure(target);
        });
      const tuner = yield* open();
      assert.isTrue(yield* meet(tuner, 5), "nothing is known at first");
      assert.isFalse(yield* meet(tuner, 7), "7 rows are of the class of 5");
      assert.isTrue(yield* meet(tuner, 9));
      const plans = yield* Effect.promise(() =>
        readTuned(tunedPath(gpu.adapter, path), gpu.adapter),
      );
      assert.strictEqual(plans.size, 2);
      assert.isFalse(yield* meet(yield* open(), 8), "it is in the file");
      assert.deepStrictEqual(warnings, []);
    }),
  );

  it.live("takes a file that it cannot read for none, and replaces it", () =>
    Effect.gen(function* () {
      const path = tunedPath(adapter!, yield* folder);
      const read = Effect.promise(() => readTuned(path, adapter!));
      const plan = { kind: "tile", size: 64, parts: 4 } as const;
      for (const text of ["", "{", "[]", '{"kernels":0,"adapter":"","plans":{}}']) {
        yield* Effect.promise(() => writeFile(path, text));
        assert.strictEqual((yield* read).size, 0, text);
      }
      yield* Effect.promise(() => writeTuned(path, adapter!, new Map([["a class", plan]])));
      assert.deepStrictEqual([...(yield* read)], [["a class", plan]]);
      yield* Effect.promise(() => writeTuned(path, adapter!, new Map([["another", plan]])));
      assert.strictEqual((yield* read).size, 2);
      const text = yield* Effect.promise(() => readFile(path, "utf8"));
      yield* Effect.promise(() => writeFile(path, text.replaceAll("tile 64 in 4", "no such plan")));
      assert.strictEqual((yield* read).size, 0);
      const other = { ...adapter!, description: "another driver" };
      assert.strictEqual((yield* Effect.promise(() => readTuned(path, other))).size, 0);
    }),
  );
});
