/** A run's way through the phases of its schedule: checked as a whole before the first update, followed update by update. */
import type { Environment, Format, Policy, Reflector } from "@resd/core";
import { Effect } from "effect";
import { type Warning, requireCompatible } from "./compose.ts";
import type { ResdConfig } from "./config.ts";
import { ResdError } from "./error.ts";
import type { RunState } from "./run_state.ts";
import { Schedule, inPhase, scheduleOf } from "./schedule.ts";

/** What is trained by, now. */
export interface CurrentPhase {
  readonly config: ResdConfig;
  /** Absent in a run without a schedule. */
  readonly phase?: string;
}

/** The phases of a run. */
export interface Phases {
  readonly warnings: ReadonlyArray<Warning>;
  /** Asks the schedule, and announces another phase. */
  readonly next: (state: RunState) => Effect.Effect<CurrentPhase, ResdError>;
}

const misconfigured = (message: string) => new ResdError({ reason: "configuration", message });

/** The schedule that a run follows, or undefined when it has one phase. */
const chosenSchedule = Effect.fnUntraced(function* (config: ResdConfig) {
  const inCode = yield* Schedule;
  if (inCode === undefined) return config.schedule === undefined ? undefined : scheduleOf(config);
  if (config.schedule === undefined) return inCode;
  return yield* misconfigured(
    "Expected one schedule, got one in the configuration (schedule) and one in code; leave one of them out",
  );
});

/**
 * Checks every phase that there may be.
 *
 * Fails with reason `configuration` or `incompatible`, naming the phase where it is not the run's own configuration.
 */
export const preparePhases = Effect.fn("resd.preparePhases")(function* (
  config: ResdConfig,
): Effect.fn.Return<Phases, ResdError, Environment | Policy | Reflector | Format> {
  const schedule = yield* chosenSchedule(config);
  if (schedule === undefined) {
    const current: CurrentPhase = { config };
    return { warnings: yield* requireCompatible(config), next: () => Effect.succeed(current) };
  }

  const names = Object.keys(schedule.phases);
  const known = new Map<string, CurrentPhase>();
  const warnings = new Map<string, Warning>();
  for (const [phase, changes] of Object.entries(schedule.phases)) {
    const changed = inPhase(config, changes);
    const found = yield* requireCompatible(changed).pipe(
      Effect.mapError(
        ({ reason, message }) =>
          new ResdError({ reason, message: `In phase ${phase}: ${message}` }),
      ),
    );
    for (const warning of found) {
      const message = `In phase ${phase}: ${warning.message}`;
      if (!warnings.has(warning.code)) warnings.set(warning.code, { ...warning, message });
    }
    known.set(phase, { config: changed, phase });
  }

  return {
    warnings: [...warnings.values()],
    next: Effect.fnUntraced(function* ({ observed, totals, journal }) {
      const name = schedule.phase({ updates: observed });
      const current = known.get(name);
      if (current === undefined) {
        return yield* misconfigured(
          `Expected one of the schedule's phases ${names.join(", ")}, got ${name}, at update ${totals.updates}; add it to the schedule's phases`,
        );
      }
      const before = totals.schedule.at(-1)?.phase;
      if (before === name) return current;
      const { updates: update, interactions } = totals;
      totals.schedule.push({ phase: name, update, interactions });
      if (before !== undefined) {
        yield* journal.emit({ _tag: "Switched", update, from: before, to: name, interactions });
      }
      return current;
    }),
  };
});
