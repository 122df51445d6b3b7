/** The order in which groups run. */
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
