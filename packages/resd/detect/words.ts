/** Reasons why the words do not reach the teacher: reflections, lessons and the playbook. */
import type { Finding } from "./finding.ts";
import { type RunHistory, WINDOW, isSolving, lately } from "./history.ts";

const readable = (outcomes: ReadonlyMap<string, number>): number =>
  (outcomes.get("ok") ?? 0) + (outcomes.get("repaired") ?? 0);
const listed = (outcomes: ReadonlyMap<string, number>): string =>
  [...outcomes].map(([name, count]) => `${count} ${name}`).join(", ");

/** Failures are reflected on, but what comes back cannot be read, or states no lesson. */
export const reflectionsFail = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || isSolving(last)) return undefined;
  const written = last.sum("reflections");
  if (written < WINDOW) return undefined;
  const outcomes = last.sums("reflections/");
  if (readable(outcomes) <= 0.1 * written) {
    return {
      cause: "reflections-unreadable",
      message: `Of the last ${written} reflections ${readable(outcomes)} could be read (${listed(outcomes)}), so hardly a lesson reaches the playbook; raise sampling.reflect.maxTokens if they are truncated, else lower its temperature, or use a reflector that this model can follow`,
    };
  }
  return undefined;
};

/** Curators are asked, and still the playbook has nothing: no lesson, no addition, or none that stays. */
export const playbookStaysEmpty = (history: RunHistory): Finding | undefined => {
  const last = lately(history);
  if (last === undefined || isSolving(last)) return undefined;
  const [reflections, asked] = [last.sum("reflections"), last.sum("curations")];
  if (Math.max(reflections, asked) < WINDOW || !last.every("playbook/size", (size) => size === 0)) {
    return undefined;
  }
  if (reflectionsFail(history) !== undefined) return undefined;
  const [added, removed] = [last.sum("playbook/added"), last.sum("playbook/removed")];
  if (added > 0 && removed > 0) {
    return {
      cause: "playbook-stays-empty",
      message: `The playbook lost all ${removed} entries of the last ${WINDOW} updates as soon as it had them (${listed(last.sums("playbook/removed/"))}); method prioritized drops what no tag has confirmed yet, right after curation too: set concise.afterCuration to false, or use staleness`,
    };
  }
  if (asked === 0) return undefined; // a run without a playbook
  return last.sum("lessons") === 0
    ? {
        cause: "no-lessons",
        message: `None of the last ${reflections} reflections states a lesson, so the playbook stays empty; read some in rollouts/`,
      }
    : {
        cause: "playbook-stays-empty",
        message: `${last.sum("lessons")} lessons and ${asked} calls of the curator left the playbook empty in the last ${WINDOW} updates (replies: ${listed(last.sums("curations/"))}); read what it answered in rollouts/ under "curated"`,
      };
};
