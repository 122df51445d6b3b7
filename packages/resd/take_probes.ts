/** A point of what a policy can do besides its tasks: probes asked, counted and told to the trackers. */
import { type Format, type Policy, type PolicyError, type Probe } from "@resd/core";
import { Clock, Effect } from "effect";
import { abilityScores } from "./abilities.ts";
import { askProbes } from "./probes.ts";
import type { RunState } from "./run_state.ts";
import { countUse } from "./summary.ts";

/** Asks the student all probes. Nothing of it reaches training: no draw of a run is moved, no interaction counted. */
export const takeProbes = Effect.fnUntraced(function* (
  state: RunState,
  probes: ReadonlyArray<Probe>,
): Effect.fn.Return<void, PolicyError, Policy | Format> {
  const { journal, totals } = state;
  const { updates: update } = totals;
  const start = yield* Clock.monotonicTimeNanos;
  const { results, use } = yield* journal.during(update)(
    "evaluate",
    `${probes.length} probes`,
    askProbes(probes),
  );
  countUse(totals, "evaluate", use);
  totals.probed.push(results);
  const seconds = Number((yield* Clock.monotonicTimeNanos) - start) / 1e9;
  yield* journal.emit({
    _tag: "Probed",
    update,
    results,
    abilities: abilityScores(results),
    seconds,
  });
});
