/** The sandbox service over a few seats: each call takes a free one, or waits for one. */
import { Sandbox, type SandboxOutcome, decodeOptions } from "@resd/core";
import { Effect, Layer, Semaphore } from "effect";
import { Options } from "./options.ts";
import type { GuestOutcome } from "./protocol.ts";
import { makeSeat } from "./seat.ts";

export { Options } from "./options.ts";

const outcomeOf = ({ ending, printed }: GuestOutcome): SandboxOutcome => ({
  ...(ending._tag === "value"
    ? { _tag: "value", value: JSON.parse(ending.json) as unknown }
    : ending),
  ...(printed === "" ? {} : { printed }),
});

/**
 * JavaScript in QuickJS. The code is a script: what it declares at the top level can be called, functions that return
 * promises too. It can print by `console.log`; `Math.random` gives the same numbers in every call and the clock stands
 * still at 1970. Workers start at the first calls and end with the layer's scope.
 */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Sandbox,
    Effect.gen(function* () {
      const decoded = yield* decodeOptions("sandbox-quickjs", Options, options);
      const seats = yield* Effect.acquireRelease(
        Effect.sync(() => Array.from({ length: decoded.workers }, () => makeSeat(decoded))),
        (all) => Effect.forEach(all, (seat) => seat.close, { concurrency: "unbounded" }),
      );
      const permits = yield* Semaphore.make(seats.length);
      // The seat that was left last comes first: as few workers as there is work for are ever started.
      const free = [...seats];
      const taken = Effect.acquireRelease(
        Effect.sync(() => free.pop()!),
        (seat) => Effect.sync(() => void free.push(seat)),
      );
      return {
        run: (code, { name, args }, limits) =>
          Effect.flatMap(taken, (seat) =>
            seat.run({ code, name, args: JSON.stringify(args), limits }),
          ).pipe(Effect.scoped, permits.withPermits(1), Effect.map(outcomeOf)),
      };
    }),
  );
