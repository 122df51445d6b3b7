/** Figures of a playbook, shown to curators and logged. */
import type { Entry } from "@resd/core";
import { SECTIONS, sectionRank } from "./sections.ts";

/** Counts of entries by how they have done. */
export interface PlaybookStats {
  readonly total: number;
  /** More than five helpful tags and at most one harmful. */
  readonly highPerforming: number;
  /** Of the others, those with at least as many harmful tags as helpful ones, and any. */
  readonly problematic: number;
  /** Never tagged. */
  readonly unused: number;
  /** Sections that have entries, in playbook order. */
  readonly bySection: Readonly<
    Record<string, { readonly count: number; readonly helpful: number; readonly harmful: number }>
  >;
}

/** Counts of entries by standing and by section. */
export const playbookStats = (entries: ReadonlyArray<Entry>): PlaybookStats => {
  let highPerforming = 0;
  let problematic = 0;
  let unused = 0;
  for (const { helpful, harmful } of entries) {
    if (helpful > 5 && harmful < 2) highPerforming++;
    else if (harmful > 0 && harmful >= helpful) problematic++;
    else if (helpful + harmful === 0) unused++;
  }
  const bySection: Record<string, { count: number; helpful: number; harmful: number }> = {};
  SECTIONS.forEach((section, rank) => {
    const own = entries.filter((entry) => sectionRank(entry.section) === rank);
    if (own.length === 0) return;
    bySection[section] = {
      count: own.length,
      helpful: own.reduce((sum, entry) => sum + entry.helpful, 0),
      harmful: own.reduce((sum, entry) => sum + entry.harmful, 0),
    };
  });
  return { total: entries.length, highPerforming, problematic, unused, bySection };
};
