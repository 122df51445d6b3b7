/** Whether a policy lost what it could do besides its tasks. */
import type { ProbeResult } from "@resd/core";
import { type AbilityChange, abilityChanges } from "../abilities.ts";
import type { Finding } from "./finding.ts";

/** A loss that matters: of accuracy, or of nats per token (a perplexity that is 5 % larger). */
const MATTERS = 0.05;

const described = (ability: string, { measure, before, after, lost, gained }: AbilityChange) =>
  measure === "accuracy"
    ? `${ability} from ${(100 * before).toFixed(1)} to ${(100 * after).toFixed(1)} % (${lost} replies lost, ${gained} gained)`
    : `${ability} from perplexity ${before.toPrecision(3)} to ${after.toPrecision(3)}`;

/** At most one finding: the abilities that got worse by more than chance, and by enough to matter. */
export const forgotten = (
  before: ReadonlyArray<ProbeResult>,
  after: ReadonlyArray<ProbeResult>,
): ReadonlyArray<Finding> => {
  const worse = Object.entries(abilityChanges(before, after)).filter(
    ([, { verdict, change }]) => verdict === "worse" && Math.abs(change) >= MATTERS,
  );
  if (worse.length === 0) return [];
  return [
    {
      cause: "forgetting",
      message: `The policy lost other abilities: ${worse.map(([name, change]) => described(name, change)).join("; ")}. Train for fewer updates or with a lower lr, or keep an earlier policy (evaluation.keepBest)`,
    },
  ];
};
