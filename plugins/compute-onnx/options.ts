/** Options of the ONNX Runtime backend. */
import { Effect, Schema } from "effect";

export const Options = Schema.Struct({
  /**
   * What runs the graphs: ONNX Runtime's kernels for the CPU, or those for WebGPU that come bundled, on the first adapter
   * of the machine. Optimizers, cache writes and sampling stay loops on the CPU, so arrays cross with every program.
   */
  provider: Schema.Literals(["cpu", "webgpu"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("cpu" as const)),
  ),
  /** Threads inside an operator; 0: as many as the machine offers. Part of what decides a run's numbers. */
  threads: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(0)),
  ),
  /**
   * Microseconds that a thread waits actively for the next operator. A few save a wake-up at most operators; many take
   * the cores from others, and from this backend's own threads where cores are shared.
   */
  spinMicros: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(20)),
  ),
  /** Pre-planned activation memory: the same speed for more memory. */
  memoryPattern: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  /**
   * ONNX Runtime's arena, which makes small programs a quarter faster. It never gives memory back, so large programs,
   * which gain nothing by it, run without.
   */
  arena: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(true))),
  /**
   * Bytes that programs may hold between their runs. Each shape is a program: beyond this, those used least recently are
   * closed, and built again when they are needed.
   */
  sessionBytes: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(2 ** 31)),
  ),
  /** ONNX Runtime's own graph rewriting: no gain on lowered graphs, and slower to load. */
  optimization: Schema.Literals(["disabled", "basic", "extended", "all"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("disabled" as const)),
  ),
});
