/** The fixed sections of a playbook and the slugs that open the ids of their entries. */

/** Headers in the order in which they are written. */
export const SECTIONS = [
  "STRATEGIES & INSIGHTS",
  "FORMULAS & CALCULATIONS",
  "CODE SNIPPETS & TEMPLATES",
  "COMMON MISTAKES TO AVOID",
  "PROBLEM-SOLVING HEURISTICS",
  "CONTEXT CLUES & INDICATORS",
  "OTHERS",
] as const;

/** The name of a section. */
export type Section = (typeof SECTIONS)[number];

/** Where everything goes that names no section. */
export const OTHERS: Section = "OTHERS";

const normalise = (name: string): string =>
  name.trim().toLowerCase().replaceAll(" ", "_").replaceAll("&", "and");

const byNormalisedName: ReadonlyMap<string, Section> = new Map(
  SECTIONS.map((section) => [normalise(section), section]),
);

/** The slugs of ACE, whose table the released code imports; other names get letters of their own. */
const SLUGS: ReadonlyMap<string, string> = new Map([
  ["formulas_and_calculations", "calc"],
  ["code_snippets_and_templates", "code"],
  ["common_mistakes_to_avoid", "err"],
  ["problem_solving_heuristics", "prob"],
  ["context_clues_and_indicators", "ctx"],
  ["others", "misc"],
  ["financial_strategies_and_insights", "fin"],
  ["meta_strategies", "meta"],
]);

/**
 * The slug of a section's name: from the table, else the first four letters of a single word, else the initials of the
 * first five words. `STRATEGIES & INSIGHTS` is `sai`, the hyphenated `PROBLEM-SOLVING HEURISTICS` is `ph`.
 */
export const sectionSlug = (name: string): string => {
  const normalised = normalise(name);
  const words = normalised.split("_").filter((word) => word !== "");
  return (
    SLUGS.get(normalised) ??
    (words.length === 1
      ? (words[0] as string).slice(0, 4)
      : words
          .slice(0, 5)
          .map((word) => word[0])
          .join(""))
  );
};

/** Where a proposed entry goes, and the slug of its id. */
export interface Placement {
  readonly section: Section;
  readonly slug: string;
  /** `general` entries stand directly below their header, all others at the end of their section. */
  readonly atTop: boolean;
}

/** Resolves the section that a proposal names, however it is spelled; unknown names go to OTHERS. */
export const placementOf = (name: string): Placement => {
  const normalised = normalise(name);
  const section = byNormalisedName.get(normalised);
  if (section !== undefined) return { section, slug: sectionSlug(section), atTop: false };
  return normalised === "general" || normalised === ""
    ? { section: OTHERS, slug: sectionSlug("general"), atTop: true }
    : { section: OTHERS, slug: sectionSlug(OTHERS), atTop: false };
};

/** Position of a section in {@linkcode SECTIONS}; names outside it rank with OTHERS. */
export const sectionRank = (section: string): number => {
  const rank = (SECTIONS as ReadonlyArray<string>).indexOf(section);
  return rank === -1 ? SECTIONS.length - 1 : rank;
};
