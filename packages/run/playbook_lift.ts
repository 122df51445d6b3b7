/** What a playbook is worth: success on held-out tasks with it, without it, and without each of its entries. */
import type { Entry, TaskRow, TaskScores } from "@resd/core";
import {
  type Estimate,
  differenceEstimate,
  evaluate,
  heldOutTasks,
  measureEstimate,
  pairedDifference,
  playbookKey,
} from "@resd/resd";
import { Effect } from "effect";
import type { RecordedRun } from "./read_run.ts";

/** What one entry adds: success with the whole playbook minus success without the entry, task by task. */
export interface EntryLift {
  readonly key: string;
  readonly id: string;
  readonly text: string;
  readonly helpful: number;
  readonly harmful: number;
  /** Tasks that were measured without it. */
  readonly tasks: number;
  readonly lift: Estimate;
  /** How many entries it is ranked above: those whose intervals lie wholly below its own. */
  readonly above: number;
  /** 1 for those that add most. Entries whose intervals overlap, directly or over others, share a tier. */
  readonly tier: number;
}

/** What a playbook adds. */
export interface PlaybookLift {
  readonly run: string;
  readonly model: string;
  readonly split: string;
  readonly tasks: number;
  readonly samples: number;
  readonly without: Estimate;
  readonly with: Estimate;
  /** With minus without, task by task. */
  readonly lift: Estimate;
  /** Best first; of one tier in playbook order. */
  readonly entries: ReadonlyArray<EntryLift>;
  readonly tiers: number;
}

/**
 * Tiers of estimates, in their order: the intervals of two tiers never overlap, so only tiers are ranked. 1 is the highest.
 */
export const tiersOf = (estimates: ReadonlyArray<Estimate>): ReadonlyArray<number> => {
  const order = [...estimates.keys()].toSorted((a, b) => estimates[b]!.high - estimates[a]!.high);
  const tiers: Array<number> = estimates.map(() => 0);
  let tier = 0;
  // The lowest end of the tier so far: what lies wholly below it begins the next one.
  let lowest = Infinity;
  for (const at of order) {
    const { low, high } = estimates[at]!;
    if (high < lowest) {
      tier++;
      lowest = low;
    }
    tiers[at] = tier;
    lowest = Math.min(lowest, low);
  }
  return tiers;
};

/** Of each estimate how many lie wholly below it. Estimates that overlap are not ranked, whatever lies between them. */
export const ranksAbove = (estimates: ReadonlyArray<Estimate>): ReadonlyArray<number> =>
  estimates.map(({ low }) => estimates.filter(({ high }) => high < low).length);

/**
 * What is added, task by task. Where that is the same for all tasks, their spread says nothing of how sure it is; then the
 * interval is that of tasks of which one more gained a sample and one more lost one.
 */
const liftEstimate = (
  without: ReadonlyArray<TaskScores>,
  with_: ReadonlyArray<TaskScores>,
  samples: number,
): Estimate => {
  const lift = pairedDifference(without, with_, "perTask");
  if (lift.low < lift.high) return lift;
  const unchanged = without.map(() => lift.value);
  const { low, high } = differenceEstimate([
    ...unchanged,
    lift.value - 1 / samples,
    lift.value + 1 / samples,
  ]);
  return { value: lift.value, low: Math.max(-1, low), high: Math.min(1, high) };
};

/** What is measured, and how much of it. */
export interface LiftOptions {
  /** At the most so many entries are left out, one at a time: those with the most tags. */
  readonly entries: number;
}

const tagsOf = ({ helpful, harmful }: Entry): number => helpful + harmful;

/**
 * Measures the playbooks of a recorded run on the parts in the context: the same tasks, samples and draws each time, so
 * that what differs is the playbook. All playbooks together are with and without; each entry is left out alone.
 */
export const measureLift = Effect.fn("measureLift")(function* (
  { config, files, model, playbooks }: RecordedRun,
  options: LiftOptions,
) {
  const { resd, seed } = config;
  const { rows } = yield* heldOutTasks(resd);
  const keyOf = (taskKey: string) => playbookKey(resd.playbook, taskKey);
  const shown = (taskKey: string, without?: Entry): ReadonlyArray<Entry> => {
    const key = keyOf(taskKey);
    const entries = key === undefined ? [] : (playbooks.get(key)?.entries ?? []);
    return without === undefined ? entries : entries.filter((entry) => entry !== without);
  };
  const measure = (
    some: ReadonlyArray<TaskRow<unknown>>,
    entries: (taskKey: string) => ReadonlyArray<Entry>,
  ) => Effect.map(evaluate(resd, seed, some, "student", entries), ({ scores }) => scores);

  const bare = yield* measure(rows, () => []);
  const informed = yield* measure(rows, (taskKey) => shown(taskKey));
  const all = [...playbooks].flatMap(([key, { entries }]) =>
    entries.map((entry) => ({ key, entry })),
  );
  const chosen = new Set(
    all.toSorted((a, b) => tagsOf(b.entry) - tagsOf(a.entry)).slice(0, options.entries),
  );
  const informedBy = new Map(informed.map((scores) => [scores.task, scores]));
  const measured = yield* Effect.forEach(
    all.filter((one) => chosen.has(one)),
    Effect.fnUntraced(function* ({ key, entry }) {
      const about = rows.filter((row) => keyOf(row.key) === key);
      if (about.length === 0) return [];
      const without = yield* measure(about, (taskKey) => shown(taskKey, entry));
      const with_ = about.flatMap((row): ReadonlyArray<TaskScores> => {
        const found = informedBy.get(row.key);
        return found === undefined ? [] : [found];
      });
      const { id, text, helpful, harmful } = entry;
      const lift = liftEstimate(without, with_, resd.evaluation.samples);
      return [{ key, id, text, helpful, harmful, tasks: about.length, lift }];
    }),
  );
  const flat = measured.flat();
  const lifts = flat.map(({ lift }) => lift);
  const tiers = tiersOf(lifts);
  const above = ranksAbove(lifts);
  return {
    run: files.folder,
    model,
    split: resd.splits.evaluate,
    tasks: rows.length,
    samples: resd.evaluation.samples,
    without: measureEstimate(bare, "perTask"),
    with: measureEstimate(informed, "perTask"),
    lift: liftEstimate(bare, informed, resd.evaluation.samples),
    entries: flat
      .map((one, i) => ({ ...one, above: above[i]!, tier: tiers[i]! }))
      .toSorted((a, b) => a.tier - b.tier),
    tiers: Math.max(0, ...tiers),
  } satisfies PlaybookLift;
});
