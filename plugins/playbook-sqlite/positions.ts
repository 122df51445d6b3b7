/** Where entries stand within their sections, as numbers that seldom have to change. */
import type { Entry } from "@resd/core";
import { sectionRank } from "@resd/resd";

/** Positions by entry id; they rise within a section, and those of different sections have nothing to do with each other. */
export type Positions = ReadonlyMap<string, number>;

/**
 * Positions for entries in playbook order. Those that have one keep it, and new ones get a number between their
 * neighbours; a section whose numbers leave no room is numbered anew, and `moved` names its entries.
 */
export const placeEntries = (
  entries: ReadonlyArray<Entry>,
  known: Positions,
): { readonly positions: Positions; readonly moved: ReadonlyArray<Entry> } => {
  if (entries.every(({ id }) => known.has(id))) return { positions: known, moved: [] };
  const positions = new Map<string, number>();
  const moved: Array<Entry> = [];
  for (const section of Map.groupBy(entries, (entry) => sectionRank(entry.section)).values()) {
    const placed = placeSection(section.map(({ id }) => known.get(id)));
    section.forEach((entry, i) => {
      const position = placed[i] as number;
      positions.set(entry.id, position);
      if (known.get(entry.id) !== position) moved.push(entry);
    });
  }
  return { positions, moved };
};

/** One section: numbers that rise, with those kept that are there, if their gaps are wide enough. */
const placeSection = (numbers: ReadonlyArray<number | undefined>): ReadonlyArray<number> => {
  const first = numbers.findIndex((number) => number !== undefined);
  const anew = numbers.map((_, i) => i);
  if (first === -1) return anew;
  const placed = numbers.slice() as Array<number>;
  for (let i = first - 1; i >= 0; i--) placed[i] = (placed[i + 1] as number) - 1;
  for (let i = first + 1; i < placed.length; i++) {
    const below = placed[i - 1] as number;
    placed[i] ??= below + 1;
    if ((placed[i] as number) <= below) return anew;
  }
  return placed;
};
