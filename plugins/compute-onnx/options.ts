/** Options of the ONNX Runtime backend. */
import { Effect, Schema } from "effect";

export const Options = Schema.Struct({
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
  /** ONNX Runtime's arena: a quarter faster. */
  arena: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(true))),
  /** ONNX Runtime's own graph rewriting: no gain on lowered graphs, and slower to load. */
  optimization: Schema.Literals(["disabled", "basic", "extended", "all"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("disabled" as const)),
  ),
});
