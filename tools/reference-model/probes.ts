/**
 * The probes that go with the reference model: what it could do before any run, on conventions that no run seed has. A
 * policy that has learned one chip should still reflect, curate and read a playbook on any other.
 */
import { type Probe, type Random, type Segment, makeRandom } from "@resd/core";
import { OPERATIONS } from "@resd/env-kestrel/language";
import { RIGHT, drawItem, fullPlaybook } from "./abilities_items.ts";
import { type PretrainingDocument, documentAt, drawFreshConvention } from "./documents.ts";
import { type Words, goldWords } from "./documents_attempts.ts";
import {
  CLEAN,
  MILD,
  drawNewInsight,
  drawPlaybook,
  drawRivalInsight,
} from "./documents_playbooks.ts";
import { curatorPrompt, programPrompt, reflectionPrompt } from "./documents_prompt.ts";
import { curate } from "./oracle.ts";

/** Words of the compact format as a prompt: those in angle brackets are control tokens, the others text. */
export const segmentsOf = (words: Words): [Segment, ...Array<Segment>] => {
  const segments: Array<Segment> = [];
  let text: Array<string> = [];
  const flush = (): void => {
    if (text.length > 0) segments.push({ text: text.join(" ") });
    text = [];
  };
  for (const word of words) {
    if (!word.startsWith("<")) text.push(word);
    else {
      flush();
      segments.push({ control: word });
    }
  }
  flush();
  const [first = { text: "" }, ...rest] = segments;
  return [first, ...rest];
};

/** A question before it has a name: what is asked, the one right reply, and how long any reply may be. */
interface Asked {
  readonly prompt: Words;
  readonly answer: string;
  readonly maxTokens: number;
}

/** Reflections on failures and on passes, word for word. */
const reflection =
  (passed: boolean) =>
  (random: Random): Asked => {
    const item = drawItem(random, passed ? 1 : RIGHT.untrained, passed, fullPlaybook);
    return { prompt: reflectionPrompt(item), answer: item.oracle.text, maxTokens: 48 };
  };

/** The curator's reply to an insight that is there, new, or contradicted, in turn. */
const curator = (random: Random, i: number): Asked => {
  const convention = drawFreshConvention(random);
  const which = (["known", "new", "rival"] as const)[i % 3]!;
  const size = which === "new" ? random.int(16) : 1 + random.int(16);
  const known = random.sample(OPERATIONS, size);
  const playbook = drawPlaybook(random, known, convention, which === "new" ? CLEAN : MILD);
  const insight = {
    known: () => random.pick(playbook),
    new: () => drawNewInsight(random, playbook, convention),
    rival: () => drawRivalInsight(random, playbook),
  }[which]();
  return {
    prompt: curatorPrompt(playbook, insight),
    answer: curate(playbook, insight),
    maxTokens: 16,
  };
};

/** A program from sixteen true entries, alone or beside a failed attempt with a perfect reflection. */
const program =
  (failed: boolean) =>
  (random: Random): Asked => {
    const { plan, playbook, convention, attempt, feedback, oracle } = drawItem(
      random,
      RIGHT.untrained,
      false,
      fullPlaybook,
    );
    const beside = failed ? { attempt, feedback, reflection: oracle.text.split(" ") } : {};
    return {
      prompt: programPrompt({ plan, playbook, ...beside }),
      answer: goldWords(plan, convention).join(" "),
      maxTokens: 24,
    };
  };

/**
 * What is asked, with how many probes. Programs from the plan alone are no ability: a run teaches one chip, so they are
 * bound to get worse on all others.
 */
const QUESTIONS = {
  reflection: { count: 100, draw: reflection(false) },
  credit: { count: 50, draw: reflection(true) },
  curator: { count: 99, draw: curator },
  "program from playbook": { count: 100, draw: program(false) },
  "program beside a failure": { count: 100, draw: program(true) },
} as const satisfies Record<string, { count: number; draw: (random: Random, i: number) => Asked }>;

const DOCUMENTS = 100;

/** Where the words to be predicted begin, if they are one piece at the end of the document. */
const answerStart = ({ targets }: PretrainingDocument): number | undefined => {
  const first = targets.findIndex((target) => target !== null);
  return first >= 0 && targets.slice(first).every((target) => target !== null)
    ? first + 1
    : undefined;
};

/** Documents of the training distribution that training has not seen: it draws from other seeds. */
const documents = (seed: number): ReadonlyArray<Probe> => {
  const probes: Array<Probe> = [];
  for (let index = 0; probes.length < DOCUMENTS; index++) {
    const document = documentAt(seed, index, 1, "refinement");
    const start = answerStart(document);
    if (document.kind === "plain" || start === undefined) continue;
    probes.push({
      id: `documents-${probes.length}`,
      ability: "documents",
      prompt: segmentsOf(document.words.slice(0, start)),
      continuation: segmentsOf([...document.words.slice(start), "<end>"]),
    });
  }
  return probes;
};

/** The seed of documents that `main.ts` trains on is a hash of 32 bits; this one is not. */
const UNSEEN = 2 ** 40;

/** All probes of a seed, in a fixed order. */
export const makeProbes = (seed: number): ReadonlyArray<Probe> => [
  ...Object.entries(QUESTIONS).flatMap(([ability, { count, draw }]) =>
    Array.from({ length: count }, (_, i): Probe => {
      const { prompt, answer, maxTokens } = draw(makeRandom("probes", seed, ability, i), i);
      return { id: `${ability}-${i}`, ability, prompt: segmentsOf(prompt), answer, maxTokens };
    }),
  ),
  ...documents(UNSEEN + seed),
];

/** The file of probes. */
export const probesText = (seed: number): string =>
  makeProbes(seed)
    .map((probe) => `${JSON.stringify(probe)}\n`)
    .join("");
