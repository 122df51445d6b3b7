/** Questions of our own in the published format, so that the environment runs without the data. */
import { makeRandom, type Random } from "@resd/core";
import type { Question } from "./rows.ts";
import { type NumberForm, type Template, TEMPLATES } from "./templates.ts";

const SLOTS = 4;

const between = (random: Random, least: number, most: number): number =>
  least + random.int(most - least + 1);

const numberOf = (random: Random, form: NumberForm): string => {
  switch (form) {
    case "percent":
      return `${(between(random, 25, 2400) / 100).toString()}%`;
    case "millions":
      return `$${(between(random, 11, 9900) / 10).toString()} million`;
    case "years":
      return `${between(random, 2, 30)} years`;
    case "shares":
      return `${between(random, 100, 900)},000 shares`;
    case "dollars":
      return `$${(between(random, 5, 9000) / 100).toFixed(2)}`;
  }
};

const questionOf = (random: Random): Question => {
  const templates = random.sample<Template>(TEMPLATES, SLOTS);
  const lines = templates.map(({ form, sentences }, i) => {
    const number = numberOf(random, form);
    const sentence = random.pick(sentences).replace("#", number);
    return `${i + 1}. What is the tag of "${number}" in: "${sentence}"`;
  });
  const tags = TEMPLATES.map(({ tag }) => tag).toSorted();
  const [first, ...rest] = templates.map(({ tag }) => tag);
  return {
    context: [
      "You tag numbers of financial reports with concepts of the US-GAAP taxonomy. Choose from these tags:",
      tags.join(", "),
      "",
      `Give the tags of the following ${SLOTS} numbers in their order. They do not depend on each other.`,
      ...lines,
    ].join("\n"),
    labels: [first!, ...rest],
  };
};

/** The first `count` questions, all different; the same ones in every process. */
export const generatedQuestions = (count: number): ReadonlyArray<Question> => {
  const random = makeRandom("finer", "generated", 1);
  const questions = new Map<string, Question>();
  while (questions.size < count) {
    const question = questionOf(random);
    questions.set(question.context, question);
  }
  return [...questions.values()];
};
