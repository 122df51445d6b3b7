/**
 * The synthetic documents from which the reference model learns to read and write the compact format. Every document
 * has a convention of its own, so that the model can know what mnemonics mean only from its context.
 */
import { type Random, makeRandom } from "@resd/core";
import {
  type Convention,
  OPERATIONS,
  type Plan,
  conventionOf,
  planText,
  randomConvention,
  randomPlan,
  randomPlanOf,
} from "@resd/env-kestrel/language";
import {
  type Tried,
  type Words,
  drawFailure,
  drawSuccess,
  goldWords,
} from "./documents_attempts.ts";
import {
  CLEAN,
  MILD,
  type Playbook,
  drawKnown,
  drawKnownEasily,
  drawNeglected,
  drawNewInsight,
  drawRivalInsight,
  drawPlaybook,
} from "./documents_playbooks.ts";
import {
  curatorPrompt,
  programPrompt,
  reflectionPrompt,
  solutionWords,
} from "./documents_prompt.ts";
import { curate, reflect } from "./oracle.ts";

/**
 * The kinds of documents with their shares: programs from nothing, programs from a playbook, programs from an attempt
 * with raw feedback, reflections (some of which go on to a program), and curator replies. Training begins with
 * `foundation`; `refinement` then gives more room to what is learned last: the curator's replies, and programs beside a
 * failed attempt.
 */
export const MIXTURES = {
  foundation: { plain: 0.04, curator: 0.1, playbook: 0.22, feedback: 0.22, reflection: 0.42 },
  refinement: { plain: 0.04, curator: 0.24, playbook: 0.12, feedback: 0.25, reflection: 0.35 },
} as const;
export type MixtureName = keyof typeof MIXTURES;
export type DocumentKind = keyof (typeof MIXTURES)["foundation"];

/** Passed attempts: of the documents with raw feedback, and of the reflections. */
const PASSED_FEEDBACK = 0.08;
const PASSED_REFLECTION = 0.3;
/** Solutions that stand where otherwise an attempt and its feedback do, as in distillation from given answers. */
const SOLUTION_ALONE = 0.03;
/**
 * Failed reflections that go on to a program. Chosen so that a program after a reflection is as frequent as one after
 * a failure's raw feedback: no teacher context is handicapped by the mixture.
 */
const continued = (mixture: MixtureName): number => {
  const { feedback, reflection } = MIXTURES[mixture];
  return (
    (feedback * (1 - PASSED_FEEDBACK) * (1 - SOLUTION_ALONE)) /
    (reflection * (1 - PASSED_REFLECTION))
  );
};
const SOLUTION_AFTER_FAILURE = 0.15;
const SOLUTION_AFTER_PASS = 0.75;
const WITH_PLAYBOOK = { easy: 0.3, full: 0.7 };
const SIBLINGS = 0.15;
/** Insights that say nothing, repeat an entry, contradict one; the others are about an operation without an entry. */
const CURATOR_CASES = { none: 0.06, known: 0.3, rival: 0.16 };
export interface PretrainingDocument {
  readonly kind: DocumentKind;
  /** The rank of its convention. */
  readonly convention: number;
  readonly words: Words;
  /**
   * As long as `words`: the word to be predicted after each one, or null where nothing is learned. It differs from the
   * next word after a complete reflection, where it is `<end>` even if the document goes on.
   */
  readonly targets: ReadonlyArray<string | null>;
}

/** Run seeds whose chips no document may use, so that what a run finds out was not known before. */
export const RESERVED_SEEDS = 1000;
const reserved: ReadonlySet<number> = new Set(
  Array.from({ length: RESERVED_SEEDS }, (_, seed) => conventionOf(seed).index),
);

/** A convention that no reserved seed has. */
export const drawFreshConvention = (random: Random): Convention => {
  for (;;) {
    const convention = randomConvention(random);
    if (!reserved.has(convention.index)) return convention;
  }
};

/** Words as they come, with what is to be predicted. */
const makeDraft = () => {
  const words: Array<string> = [];
  const targets: Array<string | null> = [];
  const context = (more: Words): void => {
    for (const word of more) {
      words.push(word);
      targets.push(null);
    }
  };
  /** Words that the model has to write, up to and including `<end>`, which is a target and never an input. */
  const answer = (more: Words): void => {
    for (const word of more) {
      targets[targets.length - 1] = word;
      context([word]);
    }
    targets[targets.length - 1] = "<end>";
  };
  return { words, targets, context, answer };
};
type Draft = ReturnType<typeof makeDraft>;

/** What the draws of one document share. */
interface Setting {
  readonly random: Random;
  readonly convention: Convention;
  readonly easy: boolean;
  readonly mixture: MixtureName;
}

const drawPlan = ({ random, easy }: Setting): Plan => {
  if (easy) return randomPlanOf(random, random.pick([1, 1, 2]));
  return randomPlan(random, random.next() < SIBLINGS ? "siblings" : "classic");
};

/** A playbook beside a plan, as a run would have it; `neglected` ones are only read past, not relied on. */
const drawPlaybookFor = (
  { random, convention, easy }: Setting,
  plan: Plan,
  neglected: boolean,
): Playbook =>
  easy
    ? drawPlaybook(random, drawKnownEasily(random, plan), convention, CLEAN)
    : drawPlaybook(
        random,
        drawKnown(random, plan),
        convention,
        neglected ? drawNeglected(random) : MILD,
      );

const writePlain = (draft: Draft, setting: Setting): void => {
  const plan = drawPlan(setting);
  draft.context(programPrompt({ plan }));
  draft.answer(goldWords(plan, setting.convention));
};

const writePlaybook = (draft: Draft, setting: Setting): void => {
  const plan = drawPlan(setting);
  const playbook = drawPlaybookFor(setting, plan, false);
  draft.context(programPrompt({ plan, playbook }));
  draft.answer(goldWords(plan, setting.convention));
};

const drawTried = ({ random, convention }: Setting, plan: Plan, passed: number): Tried =>
  random.next() < passed
    ? drawSuccess(random, plan, convention)
    : drawFailure(random, plan, convention);

/** Whether a document has a playbook. */
const hasPlaybook = ({ random, easy }: Setting): boolean =>
  random.next() < (easy ? WITH_PLAYBOOK.easy : WITH_PLAYBOOK.full);

const writeFeedback = (draft: Draft, setting: Setting): void => {
  const plan = drawPlan(setting);
  const { random, convention } = setting;
  const tried = drawTried(setting, plan, PASSED_FEEDBACK);
  const playbook = hasPlaybook(setting) ? drawPlaybookFor(setting, plan, false) : [];
  const gold = goldWords(plan, convention);
  const solved = tried.feedback[0] === "pass" ? SOLUTION_AFTER_PASS : SOLUTION_AFTER_FAILURE;
  const solution = random.next() < solved ? gold : [];
  draft.context(
    random.next() < SOLUTION_ALONE
      ? programPrompt({ plan, playbook, solution: gold })
      : programPrompt({ plan, playbook, ...tried, solution }),
  );
  draft.answer(gold);
};

const writeReflection = (draft: Draft, setting: Setting): void => {
  const plan = drawPlan(setting);
  const { random, convention } = setting;
  const tried = drawTried(setting, plan, PASSED_REFLECTION);
  const goesOn = tried.feedback[0] !== "pass" && random.next() < continued(setting.mixture);
  const playbook = hasPlaybook(setting) ? drawPlaybookFor(setting, plan, !goesOn) : [];
  const reflection = reflect({
    plan: planText(plan),
    attempt: tried.attempt.join(" "),
    feedback: tried.feedback.join(" "),
  });
  draft.context(reflectionPrompt({ plan, playbook, ...tried }));
  draft.answer(reflection.text.split(" "));
  if (!goesOn) return;
  const gold = goldWords(plan, convention);
  const solution = random.next() < SOLUTION_AFTER_FAILURE ? gold : [];
  draft.context([...solutionWords(solution), "<prog>"]);
  draft.answer(gold);
};

/** An insight of one of the cases; none where the playbook has no room for it. */
const drawInsight = ({ random, convention }: Setting, playbook: Playbook): string | undefined => {
  const which = random.next();
  if (which < CURATOR_CASES.none) return undefined;
  if (which < CURATOR_CASES.none + CURATOR_CASES.known && playbook.length > 0) {
    return random.pick(playbook);
  }
  if (which < CURATOR_CASES.none + CURATOR_CASES.known + CURATOR_CASES.rival) {
    return drawRivalInsight(random, playbook);
  }
  return drawNewInsight(random, playbook, convention);
};

const writeCurator = (draft: Draft, setting: Setting): void => {
  const { random, convention, easy } = setting;
  const noise = random.next() < 0.5 ? { wrong: 0.1, further: [0] } : drawNeglected(random);
  const known = random.sample(OPERATIONS, random.int(easy ? 5 : 17));
  const playbook = drawPlaybook(random, known, convention, noise);
  const insight = drawInsight(setting, playbook);
  draft.context(curatorPrompt(playbook, insight));
  draft.answer(curate(playbook, insight).split(" "));
};

const WRITERS: Record<DocumentKind, (draft: Draft, setting: Setting) => void> = {
  plain: writePlain,
  curator: writeCurator,
  playbook: writePlaybook,
  feedback: writeFeedback,
  reflection: writeReflection,
};

const drawKind = (random: Random, mixture: MixtureName): DocumentKind => {
  const kinds = Object.entries(MIXTURES[mixture]) as ReadonlyArray<[DocumentKind, number]>;
  let left = random.next();
  for (const [kind, share] of kinds) {
    left -= share;
    if (left < 0) return kind;
  }
  return "reflection";
};

/**
 * The document of an index: a pure function of its arguments.
 *
 * @param level - Share of full documents in [0, 1]; the others are easy ones with short plans and clean playbooks, and
 *   come first in a curriculum.
 */
export const documentAt = (
  seed: number,
  index: number,
  level: number,
  mixture: MixtureName = "foundation",
): PretrainingDocument => {
  const random = makeRandom("reference-model", seed, "document", index);
  const kind = drawKind(random, mixture);
  const convention = drawFreshConvention(random);
  const draft = makeDraft();
  WRITERS[kind](draft, { random, convention, easy: random.next() >= level, mixture });
  return { kind, convention: convention.index, words: draft.words, targets: draft.targets };
};
