/** One tracker made of several: each event reaches all of them, in order. */
import type { Tracker } from "@resd/core";
import { Cause, Effect } from "effect";

type TrackerShape = Tracker["Service"];

/** A tracker and what to call it. */
export type Listener = readonly [name: string, tracker: TrackerShape];

/** A tracker that breaks is heard of once, in the log, and then left alone; the run and the others go on. */
export const fanOut = (trackers: ReadonlyArray<Listener>): TrackerShape => {
  const broken = new Set<string>();
  return {
    event: (event) =>
      Effect.forEach(
        trackers,
        ([name, tracker]) =>
          broken.has(name)
            ? Effect.void
            : Effect.catchCause(tracker.event(event), (cause) =>
                Cause.hasInterruptsOnly(cause)
                  ? Effect.failCause(cause)
                  : Effect.suspend(() => {
                      broken.add(name);
                      return Effect.logWarning(
                        `Tracker ${name} broke and is left out: ${Cause.pretty(cause)}`,
                      );
                    }),
              ),
        { discard: true },
      ),
  };
};
