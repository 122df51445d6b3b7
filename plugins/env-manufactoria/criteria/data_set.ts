/** All criteria by family, in the order in which they are met, and the fixed split into training and test. */
import { hashName } from "@resd/core";
import { containsCount, containsOrdered, containsSubstring } from "./contains.ts";
import { type Criterion, type FamilyName, HAS_FAMILIES, OTHER_FAMILIES } from "./criterion.ts";
import { endsWith, exact, startsWith } from "./edges.ts";
import { append, prepend } from "./edits.ts";
import { numericComparison } from "./numeric_comparison.ts";
import { regex } from "./regex.ts";
import { sameNumber } from "./same_number.ts";

/** The criteria of a family, made when they are asked for. 874 of them are the paper's task. */
export const CRITERIA_OF: Readonly<Record<FamilyName, () => ReadonlyArray<Criterion>>> = {
  contains_substring: containsSubstring,
  contains_ordered: containsOrdered,
  contains_count: containsCount,
  append,
  prepend,
  exact,
  starts_with: startsWith,
  ends_with: endsWith,
  regex,
  numeric_comparison: numericComparison,
  same_number_regex: sameNumber,
};

export interface Splits {
  readonly train: ReadonlyArray<Criterion>;
  readonly test: ReadonlyArray<Criterion>;
}

const TRAIN_SHARE = 0.85;

const placeOf = ({ family, id }: Criterion): string =>
  hashName("manufactoria", "order", 42, family, id);

/** In an order that looks random and that no selection of families changes. */
const shuffled = (criteria: ReadonlyArray<Criterion>): ReadonlyArray<Criterion> =>
  criteria
    .map((criterion) => [placeOf(criterion), criterion] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, criterion]) => criterion);

/**
 * Families that are divided as one: the paper's three (742 and 132), and each other one alone. So a criterion is on the
 * same side whatever else is asked for.
 */
const GROUPS: ReadonlyArray<ReadonlyArray<FamilyName>> = [
  HAS_FAMILIES,
  ...OTHER_FAMILIES.map((family) => [family]),
];

/** The training and test criteria of some families. */
export const splitCriteria = (families: ReadonlyArray<FamilyName>): Splits => {
  const wanted = GROUPS.filter((group) => group.some((family) => families.includes(family)));
  const groups = wanted.map((group) => {
    const criteria = shuffled(group.flatMap((family) => CRITERIA_OF[family]()));
    const cut = Math.floor(TRAIN_SHARE * criteria.length);
    return [criteria.slice(0, cut), criteria.slice(cut)] as const;
  });
  const side = (index: 0 | 1) =>
    shuffled(groups.flatMap((group) => group[index])).filter(({ family }) =>
      families.includes(family),
    );
  return { train: side(0), test: side(1) };
};
