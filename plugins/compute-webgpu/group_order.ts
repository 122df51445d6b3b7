/** The order in which groups run, and which of them run together. */
import { type Node, sizeOf } from "@resd/tensor";
import type { Group } from "./fuse.ts";

/** Groups after those whose results they read, otherwise as they were: a region waits for all that any of its results needs. */
export const inOrder = (groups: ReadonlyArray<Group>): ReadonlyArray<Group> => {
  const owners = new Map(
    groups.flatMap((group) =>
      [group.root, ...(group.rows?.results ?? []).map(({ node }) => node)].map(
        (node) => [node, group] as const,
      ),
    ),
  );
  const ordered = new Set<Group>();
  for (const group of groups) {
    const open = [group];
    for (let one = open.at(-1); one !== undefined; one = open.at(-1)) {
      const first = [...one.reads].map((node) => owners.get(node));
      const missing = first.find((other) => other !== undefined && !ordered.has(other));
      if (missing === undefined) ordered.add(open.pop()!);
      else open.push(missing);
    }
  }
  return [...ordered];
};

/** Whether a group is a sum to one number and nothing else. */
const isTotal = ({ root, core, rows }: Group): boolean => {
  const [result] = root.outputs;
  const [x] = root.inputs;
  if (core !== root || root.op !== "sum" || rows !== undefined) return false;
  return result?.dtype === "f32" && sizeOf(result.shape) === 1 && sizeOf(x!.shape) > 1;
};

/**
 * Sums to one number that nobody waits for come late, so that they are neighbours, where all that they read is there to the end anyway. Caches
 * are written after everything else has read them, so that they can be written in place.
 */
export const lateLast = (
  groups: ReadonlyArray<Group>,
  lasts: (node: Node) => boolean,
): ReadonlyArray<Group> => {
  const read = new Set(groups.flatMap(({ reads }) => [...reads]));
  const lateness = (group: Group): number => {
    if (read.has(group.root)) return 0;
    if (isTotal(group)) return [...group.reads].every(lasts) ? 1 : 0;
    return group.root.op === "cacheWrite" ? 2 : 0;
  };
  return groups.toSorted((a, b) => lateness(a) - lateness(b));
};

/** Neighbours that one family computes together: steps of an optimizer and sums to one number, none of which needs another's result. */
export const batchesOf = (groups: ReadonlyArray<Group>): ReadonlyArray<ReadonlyArray<number>> => {
  const family = (group: Group) =>
    group.root.op === "adamw" ? "adamw" : isTotal(group) ? "totals" : undefined;
  const batches: Array<Array<number>> = [];
  groups.forEach((group, position) => {
    const last = batches.at(-1);
    const own = family(group);
    const joins =
      own !== undefined &&
      last?.every((other) => {
        const before = groups[other]!;
        return family(before) === own && !group.reads.has(before.root);
      });
    if (joins === true) last!.push(position);
    else batches.push([position]);
  });
  return batches;
};
