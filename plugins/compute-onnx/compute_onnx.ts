/**
 * Compute on onnxruntime-node: a graph becomes one ONNX model plus the primitives that this backend claims.
 * One worker thread owns all arrays, so that the event loop stays free and each run is one message.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import {
  type Arr,
  Compute,
  ComputeError,
  type ComputeShape,
  decodeOptions,
  type DType,
  type HostArray,
  type PluginOptionsError,
  type Program,
} from "@resd/core";
import { add, graph as graphOf, input } from "@resd/tensor";
import { Effect, Layer } from "effect";
import { collectGarbage, leaveGarbage } from "./garbage.ts";
import { lowerGraph } from "./lower_graph.ts";
import { allocate } from "./memory.ts";
import { Options } from "./options.ts";
import type { Answer, Request, SessionSettings } from "./protocol.ts";

const DEFAULT_DTYPE = (data: HostArray): DType =>
  data instanceof Float32Array
    ? "f32"
    : data instanceof Int32Array
      ? "i32"
      : data instanceof Uint8Array
        ? "bool"
        : "f16";

/** Bytes of garbage that this thread, which holds a whole application, looks for: that takes a tenth of a second. */
const OURS = 256 * 2 ** 20;

const describe = (shape: ReadonlyArray<number>): string => `[${shape.join(", ")}]`;

const lengthOf = (shape: ReadonlyArray<number>): number =>
  shape.reduce((product, size) => product * size, 1);

/** A program that needs next to nothing but an adapter. */
const PROBE = graphOf({ y: add(input("x", [1]), input("x", [1])) }, { name: "probe" });

const noAdapter = ({ message }: ComputeError): ComputeError =>
  new ComputeError({
    message: `Expected a WebGPU adapter for ONNX Runtime, got: ${message.trim()}; install a GPU driver with Vulkan, or a software one (tools/webgpu/software_driver.sh), or compute on the CPU: --provider cpu`,
    op: "adapter",
  });

/** The worker with its pending requests, answered in order. */
const openWorker = (settings: SessionSettings) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
      const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
        workerData: settings,
      });
      worker.unref();
      const pending: Array<(answer: Answer) => void> = [];
      let fatal: string | undefined;
      const fail = (message: string): void => {
        fatal ??= message;
        for (const answer of pending.splice(0)) answer({ kind: "failed", message, op: "worker" });
      };
      worker.on("message", (answer: Answer) => {
        pending.shift()?.(answer);
        if (pending.length === 0) worker.unref();
      });
      worker.on("error", (cause: unknown) =>
        fail(
          `The compute worker failed: ${cause instanceof Error ? cause.message : String(cause)}`,
        ),
      );
      worker.on("exit", (code) => fail(`The compute worker ended with code ${code}`));
      const send = (request: Request) =>
        new Promise<Answer>((resolve) => {
          if (fatal !== undefined) {
            resolve({ kind: "failed", message: fatal, op: "worker" });
            return;
          }
          worker.ref(); // an awaited answer keeps the process alive
          pending.push(resolve);
          worker.postMessage(request);
        });
      return { worker, send };
    }),
    ({ worker }) => Effect.promise(() => worker.terminate()),
  );

const make = Effect.fnUntraced(function* (settings: SessionSettings) {
  const { send } = yield* openWorker(settings);
  let nextHandle = 0;
  let nextProgram = 0;

  const request = (message: Request) =>
    Effect.promise(() => send(message)).pipe(
      Effect.flatMap((answer) =>
        answer.kind === "failed"
          ? Effect.fail(new ComputeError({ message: answer.message, op: answer.op }))
          : Effect.succeed(answer),
      ),
    );

  const put: ComputeShape["put"] = (data, shape, dtype = DEFAULT_DTYPE(data)) =>
    Effect.suspend(() => {
      if (data.length !== lengthOf(shape)) {
        return Effect.fail(
          new ComputeError({
            message: `Expected ${lengthOf(shape)} values for shape ${describe(shape)}, got ${data.length}`,
            op: "put",
          }),
        );
      }
      const id = nextHandle++;
      collectGarbage(OURS);
      const copy = allocate(dtype, data.length);
      copy.set(data);
      leaveGarbage(2 * copy.byteLength); // this thread's view of it, and most often what it was made from
      return Effect.as(request({ kind: "put", id, data: copy, shape, dtype }), {
        id,
        shape,
        dtype,
      } satisfies Arr);
    });

  const get: ComputeShape["get"] = (array) =>
    Effect.flatMap(request({ kind: "get", id: array.id }), (answer) =>
      answer.kind === "ok" && answer.value !== undefined
        ? Effect.sync(() => {
            leaveGarbage(answer.value!.byteLength);
            collectGarbage(OURS);
            return answer.value!;
          })
        : Effect.fail(new ComputeError({ message: "Expected a value from the worker", op: "get" })),
    );

  const compile: ComputeShape["compile"] = Effect.fnUntraced(function* (graph, options) {
    const plan = yield* Effect.try({
      try: () => lowerGraph(graph, options, settings.provider),
      catch: (cause) =>
        new ComputeError({
          message: cause instanceof Error ? cause.message : String(cause),
          op: graph.name,
        }),
    });
    const program = nextProgram++;
    yield* request({ kind: "compile", program, plan });
    const outputs = plan.outputs.map(({ name, slot }) => ({ name, ...plan.slots[slot]! }));
    const position = new Map(outputs.map(({ name }, index) => [name, index]));

    const run: Program["run"] = (inputs, { read = [] } = {}) =>
      Effect.suspend(() => {
        const fail = (message: string) =>
          Effect.fail(new ComputeError({ message, op: graph.name }));
        const handles = new Int32Array(plan.inputs.length);
        const data: Array<HostArray> = [];
        for (const [index, { name, slot }] of plan.inputs.entries()) {
          const value = inputs[name];
          const { shape, dtype } = plan.slots[slot]!;
          if (value === undefined) {
            return fail(
              `Expected input ${name} ${describe(shape)}, got none; the program needs ${plan.inputs.map((_) => _.name).join(", ")}`,
            );
          }
          if (ArrayBuffer.isView(value)) {
            if (value.length !== lengthOf(shape)) {
              return fail(
                `Expected ${lengthOf(shape)} values for input ${name} ${describe(shape)}, got ${value.length}`,
              );
            }
            if (DEFAULT_DTYPE(value) !== dtype) {
              return fail(`Expected ${dtype} data for input ${name}, got ${DEFAULT_DTYPE(value)}`);
            }
            handles[index] = -1;
            data.push(value);
          } else {
            if (value.dtype !== dtype || lengthOf(value.shape) !== lengthOf(shape)) {
              return fail(
                `Expected input ${name} to be ${dtype} ${describe(shape)}, got ${value.dtype} ${describe(value.shape)}`,
              );
            }
            handles[index] = value.id;
          }
        }
        const arrays: Record<string, Arr> = {};
        const keep = new Int32Array(outputs.length).fill(-1);
        outputs.forEach(({ name, shape, dtype }, index) => {
          if (read.includes(name)) return;
          keep[index] = nextHandle++;
          arrays[name] = { id: keep[index]!, shape, dtype };
        });
        const positions: Array<number> = [];
        for (const name of read) {
          const index = position.get(name);
          if (index === undefined) {
            return fail(
              `Expected one of the outputs ${outputs.map((_) => _.name).join(", ")} to read, got ${name}`,
            );
          }
          positions.push(index);
        }
        return Effect.map(
          request({ kind: "run", program, handles, data, keep, read: positions }),
          (answer) => ({
            arrays,
            values: Object.fromEntries(
              read.map((name, index) => [name, answer.kind === "ran" ? answer.values[index]! : []]),
            ) as Record<string, HostArray>,
          }),
        );
      });
    const bytes = plan.slots.reduce((sum, { shape }) => sum + lengthOf(shape) * 4, plan.working);
    return {
      name: graph.name,
      run,
      bytes: { persistent: plan.model?.byteLength ?? 0, peak: bytes },
    } satisfies Program;
  });

  const onCpu = settings.provider === "cpu";
  if (!onCpu) yield* Effect.mapError(compile(PROBE), noAdapter);

  return Compute.of({
    info: {
      name: "onnx",
      software: onCpu,
      adapter: onCpu
        ? `onnxruntime-node cpu, ${settings.threads} threads`
        : "onnxruntime-node webgpu, the first adapter",
      dtypes: ["f32", "i32", "bool"],
      maxBinding: 2 ** 33,
      maxBuffer: 2 ** 33,
      threads: settings.threads,
      deterministic: onCpu, // nobody promises it of the kernels for WebGPU
    },
    put,
    get,
    release: (arrays) =>
      arrays.length === 0
        ? Effect.void
        : Effect.asVoid(request({ kind: "release", ids: arrays.map((array) => array.id) })),
    compile,
  });
});

/** The ONNX Runtime backend. Everything it holds is freed when the layer's scope closes. */
export const layer = (
  options: typeof Options.Encoded,
): Layer.Layer<Compute, PluginOptionsError | ComputeError> =>
  Layer.effect(
    Compute,
    Effect.gen(function* () {
      const decoded = yield* decodeOptions("compute-onnx", Options, options);
      return yield* make({
        provider: decoded.provider,
        threads: decoded.threads === 0 ? availableParallelism() : decoded.threads,
        spinMicros: decoded.spinMicros,
        memoryPattern: decoded.memoryPattern,
        arena: decoded.arena,
        optimization: decoded.optimization,
        sessionBytes: decoded.sessionBytes,
      });
    }),
  );
