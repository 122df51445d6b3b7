/** A listener to a run. Put what you do with an event where the log line is; a tracker never fails a run. */
import { Tracker, decodeOptions } from "@resd/core";
import { Effect, Layer, Schema } from "effect";

export const Options = Schema.Struct({
  /** Log one update in so many. */
  every: Schema.Int.check(Schema.isGreaterThan(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(1)),
  ),
});

export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Tracker,
    Effect.gen(function* () {
      const { every } = yield* decodeOptions("tracker-sample-plugin", Options, options);
      return {
        event: (event) =>
          event._tag === "Updated" && event.update % every === 0
            ? Effect.log(`update ${event.update}: loss ${event.report.loss}`)
            : Effect.void,
      };
    }),
  );
