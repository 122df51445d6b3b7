/**
 * Checks a compute backend on this machine.
 *
 *     npm run check                                   the laws of graphs that take seconds, on WebGPU
 *     npm run check -- --all                          every law, all sizes, and the worst error of every result
 *     npm run check -- --compute onnx --all
 *     npm run check -- --all --only attention
 *     npm run check -- --all --kernels gpu            kernels for GPUs, whatever the adapter is
 *     npm run check -- --all --only product --product-kernel tile64 --products f16
 *     npm run check -- --all --rows lanes             rows that meet at barriers, not in subgroups
 *     npm run check -- --all --attention tiles        attention as a GPU computes it
 *
 * Ends with 1 when a law is broken, and with 75 when there is no adapter: then nothing was checked.
 */
import { parseArgs } from "node:util";
import { NodeRuntime } from "@effect/platform-node";
import { layer as onnx } from "@resd/compute-onnx";
import { layer as webgpu, Options } from "@resd/compute-webgpu";
import { Compute, decodeOptions } from "@resd/core";
import {
  checkLaws,
  computeBattery,
  computeLaws,
  computeProductLaws,
  computeSizeLaws,
} from "@resd/testing";
import { Console, Effect, Schema } from "effect";
import { outputErrors } from "./worst_errors.ts";

const { values: flags } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    compute: { type: "string", default: "webgpu" },
    adapter: { type: "string", default: "" },
    kernels: { type: "string", default: "auto" },
    rows: { type: "string", default: "auto" },
    attention: { type: "string", default: "auto" },
    only: { type: "string", default: "" },
    "product-kernel": { type: "string", default: "auto" },
    products: { type: "string", default: "f32" },
  },
});

class CheckError extends Schema.TaggedError<CheckError>()("CheckError", {
  message: Schema.String,
}) {}

/** Without --all: what is checked at every commit. */
const QUICK =
  /matmul|softmax|reductions|movement|attention|decoder|adamw|norms|losses|top-k|sample|scatter|donate/;

/** Error that products may have whose operands are rounded to f16. */
const ROUNDED = 2e-3;

const wanted = (id: string): boolean =>
  id.includes(flags.only) && (flags.all || flags.only !== "" || QUICK.test(id));

const program = Effect.gen(function* () {
  const { info } = yield* Compute;
  yield* Console.log(
    `${info.name}: ${info.adapter}${info.software ? " (computes on the CPU)" : ""}`,
  );
  const start = performance.now();
  const settings = { tolerance: flags.products === "f16" ? ROUNDED : 1e-5 };
  const half = info.dtypes.includes("f16");
  const laws = [
    ...computeLaws(settings),
    ...(flags.all
      ? [...computeSizeLaws(settings), ...computeProductLaws({ ...settings, half })]
      : []),
  ];
  const results = yield* checkLaws(laws.filter(({ id }) => wanted(id)));
  const broken = results.filter(({ passed, required }) => required && !passed);
  for (const { id, expected, actual, hint } of broken) {
    yield* Console.log(`BROKEN ${id}\n  expected ${expected}\n  got ${actual}\n  ${hint}`);
  }
  if (flags.all) {
    const cases = computeBattery().filter(({ name }) => wanted(`compute.graph.${name}`));
    const errors = (yield* Effect.forEach(cases, outputErrors)).flat();
    yield* Console.log("\nerror, relative to the largest magnitude of the result (at least 1)");
    for (const { graph, output, error } of errors.toSorted((a, b) => b.error - a.error)) {
      yield* Console.log(`${error.toExponential(1).padStart(8)}  ${graph}: ${output}`);
    }
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  yield* Console.log(
    `\n${results.length - broken.length} of ${results.length} laws hold, in ${seconds} s`,
  );
  if (broken.length > 0)
    return yield* new CheckError({ message: `${broken.length} laws are broken` });
});

const noAdapter = Effect.gen(function* () {
  yield* Console.error("SKIPPED, NOT PASSED: no WebGPU adapter on this machine");
  process.exitCode = 75;
});

const checked = Effect.gen(function* () {
  const settings = yield* decodeOptions("compute-webgpu", Options, {
    adapter: flags.adapter,
    kernels: flags.kernels,
    rows: flags.rows,
    attention: flags.attention,
    products: flags.products,
    productKernel: flags["product-kernel"],
  });
  const backend = flags.compute === "onnx" ? onnx({ threads: 2 }) : webgpu(settings);
  yield* Effect.provide(program, backend);
}).pipe(
  Effect.catchTag("ComputeError", (error) =>
    error.message.includes("got none") ? noAdapter : Effect.fail(error),
  ),
);

NodeRuntime.runMain(checked);
