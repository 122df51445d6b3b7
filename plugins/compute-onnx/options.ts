/** Options of the ONNX Runtime backend. */
import { Effect, Schema } from "effect";

export const Options = Schema.Struct({
  /** Threads inside an operator; 0: as many as the machine offers. Part of what decides a run's numbers. */
  threads: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(0)),
  ),
  /** Busy-wait between operators: faster on an idle machine, much slower where cores are shared. */
  spinning: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  /** Pre-planned activation memory: the same speed for more memory. */
  memoryPattern: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  /** ONNX Runtime's arena: a quarter faster. */
  arena: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(true))),
  /** ONNX Runtime's own graph rewriting: no gain on lowered graphs, and slower to load. */
  optimization: Schema.Literals(["disabled", "basic", "extended", "all"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("disabled" as const)),
  ),
});
