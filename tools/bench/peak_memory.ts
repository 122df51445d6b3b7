/** How much memory each side has taken at most. Means something only where a process measures one thing. */
import { Effect } from "effect";
import type { Peer } from "./torch_peer.ts";

export const peakMemory = Effect.fnUntraced(function* (peer: Peer | undefined) {
  const theirs =
    peer === undefined ? undefined : yield* peer.request<{ readonly bytes: number }>("memory", {});
  return {
    peakBytes: process.resourceUsage().maxRSS * 1024,
    peerPeakBytes: theirs?.bytes ?? null,
  };
});
