/** Options of the sandbox. */
import { availableParallelism } from "node:os";
import { Effect, Schema } from "effect";

export const Options = Schema.Struct({
  /** Calls that run at the same time; all cores unless given. Each worker is started when it is first needed. */
  workers: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 256 })).pipe(
    Schema.withDecodingDefaultKey(Effect.sync(() => availableParallelism())),
  ),
  /**
   * Milliseconds beyond a call's own limit until its worker is destroyed. Code is stopped at its limit wherever the engine
   * looks up from its work; inside one long operation of the engine it does not.
   */
  graceMillis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60_000 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(500)),
  ),
  /** Milliseconds that a worker may take to start. */
  startMillis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 600_000 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(60_000)),
  ),
});
export type Options = typeof Options.Type;
