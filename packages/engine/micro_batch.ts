/** Splits a batch into micro-batches that fit a budget. The split never changes a gradient, only memory and time. */
import { fullRows, lengthBucket } from "./buckets.ts";

/** What one item costs: a sequence, or a student's and a teacher's. */
export interface MicroBatchItem {
  /** Tokens of each sequence that is run for this item. */
  readonly lengths: ReadonlyArray<number>;
}

export interface MicroBatchBudget {
  /** Padded tokens per micro-batch, all sequences together. */
  readonly tokens: number;
  /** Granularity of padded lengths; see `lengthBucket`. */
  readonly step?: number;
  /** Largest number of items. */
  readonly items?: number;
}

/** Padded tokens that one row takes when the longest sequences are `longest`. */
export const rowWidth = (longest: ReadonlyArray<number>, step?: number): number =>
  longest.reduce((sum, length) => sum + lengthBucket(length, step), 0);

/**
 * Groups of item indices. Items are ordered by length, so that little is padding; a group is closed when the next
 * item would exceed the budget. An item that exceeds it alone forms a group of its own. Depends on sizes alone.
 */
export const planMicroBatches = (
  items: ReadonlyArray<MicroBatchItem>,
  budget: MicroBatchBudget,
): Array<Array<number>> => {
  const order = items
    .map((item, index) => ({ index, width: rowWidth(item.lengths, budget.step) }))
    .toSorted((a, b) => a.width - b.width || a.index - b.index);
  const groups: Array<Array<number>> = [];
  let group: Array<number> = [];
  let longest: ReadonlyArray<number> = [];
  for (const { index } of order) {
    const item = items[index] as MicroBatchItem;
    const joined = item.lengths.map((length, i) => Math.max(length, longest[i] ?? 0));
    const fits =
      group.length < fullRows(rowWidth(joined, budget.step), budget.tokens) &&
      group.length < (budget.items ?? Infinity);
    if (group.length > 0 && !fits) {
      groups.push(group);
      group = [];
      longest = item.lengths;
    } else {
      longest = joined;
    }
    group.push(index);
  }
  if (group.length > 0) groups.push(group);
  return groups;
};

/** The same number of groups as `planMicroBatches`, of equal sizes where the budget allows it: fewer shapes, less padding. */
export const planEvenly = (
  items: ReadonlyArray<MicroBatchItem>,
  budget: MicroBatchBudget,
): Array<Array<number>> => {
  const groups = planMicroBatches(items, budget);
  const even = planMicroBatches(items, {
    ...budget,
    items: Math.ceil(items.length / Math.max(1, groups.length)),
  });
  return even.length === groups.length ? even : groups;
};
