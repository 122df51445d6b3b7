/** The questions of a split, in an order that a seed decides. */
import { hashSeed, makeRandom } from "@resd/core";
import { BOOKINGS } from "./bookings.ts";
import type { Question, Template } from "./question.ts";
import { SAILINGS } from "./sailings.ts";
import { VESSELS } from "./vessels.ts";

export const SPLITS = ["train", "test"] as const;
export type Split = (typeof SPLITS)[number];

/** Share of every form that is for tests. */
const TESTED = 0.2;

/**
 * The questions of a form in one split. What they say decides and not the seed, so that no seed trains on what another
 * one tests.
 */
const ofSplit = (form: Template, split: Split): Template => {
  const ranked = form.toSorted(
    (a, b) => hashSeed("sql split", a.text) - hashSeed("sql split", b.text),
  );
  const tested = Math.max(1, Math.round(form.length * TESTED));
  return split === "test" ? ranked.slice(0, tested) : ranked.slice(tested);
};

/** Forms by turns, each with its questions in a random order: a few questions are of many forms. */
export const candidates = (seed: number, split: Split): ReadonlyArray<Question> => {
  const random = makeRandom("sql questions", seed, split);
  const forms = random
    .shuffle([...SAILINGS, ...VESSELS, ...BOOKINGS])
    .map((form) => random.shuffle(ofSplit(form, split)));
  const longest = Math.max(...forms.map((form) => form.length));
  return Array.from({ length: longest }, (_, i) => forms.flatMap((form) => form[i] ?? [])).flat();
};
