/**
 * What the reference model can do before any run: measured on conventions of their own that no run seed has, with
 * Wilson intervals. Works on words, so that whatever generates is given in.
 */
import { type Random, type View, emptyView, hashSeed, makeRandom } from "@resd/core";
import { MNEMONICS, OPERATIONS, pairingText, pairingsOf } from "@resd/env-kestrel/language";
import { compactFormat } from "@resd/resd";
import { type Item, RIGHT, drawItem, fullPlaybook, quarterWrong } from "./abilities_items.ts";
import { type Rate, rateOf } from "./abilities_rate.ts";
import { drawFreshConvention } from "./documents.ts";
import { type Words, feedbackOf } from "./documents_attempts.ts";
import {
  CLEAN,
  MILD,
  drawNewInsight,
  drawPlaybook,
  drawRivalInsight,
} from "./documents_playbooks.ts";
import { curatorPrompt, programPrompt, reflectionPrompt } from "./documents_prompt.ts";
import { curate } from "./oracle.ts";

/** Continues each prompt: the words up to `<end>`, without it. Replies are in the order of the prompts. */
export type Generate = (
  prompts: ReadonlyArray<Words>,
  options: { readonly temperature: number; readonly maxTokens: number; readonly seed: number },
) => Promise<ReadonlyArray<Words>>;

export interface AbilityOptions {
  readonly seed: number;
  /** Fresh conventions for each ability, one prompt on each. */
  readonly samples: number;
  readonly programTemperature: number;
  /** Of reflections and of the curator's replies. */
  readonly reflectionTemperature: number;
}

/** One row of the table. */
export interface Ability {
  readonly id: string;
  readonly what: string;
  readonly rate: Rate;
}

const MAX_TOKENS = { program: 20, reflection: 48, curator: 16 };
type Kind = keyof typeof MAX_TOKENS;

/** What all measurements share: seeded draws, and a model that answers. */
interface Exam {
  readonly draw: <A>(name: string, one: (random: Random) => A) => ReadonlyArray<A>;
  readonly ask: (
    name: string,
    kind: Kind,
    prompts: ReadonlyArray<Words>,
  ) => Promise<ReadonlyArray<Words>>;
}

const makeExam = (generate: Generate, options: AbilityOptions): Exam => ({
  draw: (name, one) =>
    Array.from({ length: options.samples }, (_, i) =>
      one(makeRandom("abilities", options.seed, name, i)),
    ),
  ask: async (name, kind, prompts) => {
    const replies = await generate(prompts, {
      temperature: kind === "program" ? options.programTemperature : options.reflectionTemperature,
      maxTokens: MAX_TOKENS[kind],
      seed: hashSeed("abilities", options.seed, name),
    });
    if (replies.length === prompts.length) return replies;
    throw new Error(
      `Expected ${prompts.length} replies, got ${replies.length}, at ability ${name}; answer every prompt once`,
    );
  },
});

const ability = (id: string, what: string, hits: number, total: number): Ability => ({
  id,
  what,
  rate: rateOf(hits, total),
});
const share = (id: string, what: string, outcomes: ReadonlyArray<boolean>): Ability =>
  ability(id, what, outcomes.filter((outcome) => outcome).length, outcomes.length);

/** A view in which every pairing of words is an entry that is its own id: shows all that a reflection quotes. */
const everyPairing: View = {
  ...emptyView,
  entries: OPERATIONS.flatMap((operation) =>
    MNEMONICS.map((mnemonic) => {
      const text = pairingText(operation, mnemonic);
      return { id: text, section: "", text, helpful: 0, harmful: 0, createdAt: 0, lastTaggedAt: 0 };
    }),
  ),
};
const read = (reply: Words = []) =>
  compactFormat.parseReflection(reply.join(" "), everyPairing, "eos");

const isExact =
  (replies: ReadonlyArray<Words>) =>
  ({ oracle }: Item, i: number): boolean =>
    replies[i]?.join(" ") === oracle.text;

/** Success from ever fuller contexts. */
const measurePrograms = async (
  { ask }: Exam,
  items: ReadonlyArray<Item>,
  reflections: ReadonlyArray<Words>,
): Promise<ReadonlyArray<Ability>> => {
  const contexts: ReadonlyArray<readonly [string, string, (item: Item, i: number) => Words]> = [
    ["none", "program from the plan alone", ({ plan }) => programPrompt({ plan })],
    [
      "playbook",
      "program from 16 true entries",
      ({ plan, playbook }) => programPrompt({ plan, playbook }),
    ],
    [
      "feedback",
      "program from a failure's raw feedback",
      ({ plan, attempt, feedback }) => programPrompt({ plan, attempt, feedback }),
    ],
    [
      "teacher-raw",
      "program from 16 true entries and raw feedback",
      ({ plan, playbook, attempt, feedback }) =>
        programPrompt({ plan, playbook, attempt, feedback }),
    ],
    [
      "teacher",
      "program from 16 true entries, raw feedback and own reflection",
      ({ plan, playbook, attempt, feedback }, i) =>
        programPrompt({ plan, playbook, attempt, feedback, reflection: reflections[i] ?? [] }),
    ],
  ];
  const abilities: Array<Ability> = [];
  for (const [id, what, promptOf] of contexts) {
    const replies = await ask(id, "program", items.map(promptOf));
    const solved = items.map(({ plan, convention }, i) => {
      const program = (replies[i] ?? []).join(" ");
      return feedbackOf(plan, program, convention) === "pass";
    });
    abilities.push(share(id, what, solved));
  }
  return abilities;
};

/** What the reflections on failures are worth, and those on passes. */
const measureReflections = async (
  { ask, draw }: Exam,
  items: ReadonlyArray<Item>,
  reflections: ReadonlyArray<Words>,
): Promise<ReadonlyArray<Ability>> => {
  const lessons = reflections.map((reflection) => read(reflection).insight);
  const truths = items.flatMap(({ convention }, i) => {
    const lesson = lessons[i];
    return lesson === undefined ? [] : [pairingsOf(convention).includes(lesson)];
  });
  const written = lessons.map((lesson) => lesson !== undefined);
  const passed = draw("passed", (random) => drawItem(random, 1, true, fullPlaybook));
  const credits = await ask("passed", "reflection", passed.map(reflectionPrompt));
  return [
    share("lessons-written", "failures that yield a lesson", written),
    share("lessons-true", "lessons that are true", truths),
    share(
      "reflection-exact",
      "reflections on failures, word for word",
      items.map(isExact(reflections)),
    ),
    share("credit-exact", "reflections on passes, word for word", passed.map(isExact(credits))),
  ];
};

/** The curator on one of its two cases: an insight that the playbook states, or one that it does not. */
/** The curator's cases: the playbook states the insight, says nothing of its operation, or contradicts it. */
const CURATOR_CASES = {
  known: "insight already there",
  new: "insight new",
  rival: "insight against an entry",
} as const;

const measureCurator = async (
  { ask, draw }: Exam,
  which: keyof typeof CURATOR_CASES,
): Promise<Ability> => {
  const id = `curator-${which}`;
  const cases = draw(id, (random) => {
    const convention = drawFreshConvention(random);
    const size = which === "new" ? random.int(16) : 1 + random.int(16);
    const known = random.sample(OPERATIONS, size);
    const playbook = drawPlaybook(random, known, convention, which === "new" ? CLEAN : MILD);
    const insight = {
      known: () => random.pick(playbook),
      new: () => drawNewInsight(random, playbook, convention),
      rival: () => drawRivalInsight(random, playbook),
    }[which]();
    return { playbook, insight };
  });
  const prompts = cases.map(({ playbook, insight }) => curatorPrompt(playbook, insight));
  const replies = await ask(id, "curator", prompts);
  return share(
    id,
    `curator's replies, ${CURATOR_CASES[which]}, word for word`,
    cases.map(({ playbook, insight }, i) => replies[i]?.join(" ") === curate(playbook, insight)),
  );
};

/** How many members of `found` are in `expected` too, each counted at most as often as there. */
const countShared = (found: ReadonlyArray<string>, expected: ReadonlyArray<string>): number => {
  const left = [...expected];
  return found.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  }).length;
};

/**
 * Precision and recall of (entry, sign) against the oracle, both resolved by content, on playbooks a quarter of which
 * is wrong. A pairing may rightly name no entry, as a line with a word of its own does, so those that the oracle does not
 * quote are counted apart.
 */
const measureTags = async ({ ask, draw }: Exam): Promise<ReadonlyArray<Ability>> => {
  const items = draw("tags", (random) => drawItem(random, RIGHT.halfTrained, false, quarterWrong));
  const replies = await ask("tags", "reflection", items.map(reflectionPrompt));
  const count = { right: 0, given: 0, due: 0, quoted: 0, oracles: 0 };
  items.forEach(({ playbook, oracle }, i) => {
    const quoted = read(replies[i]).tags;
    const given = quoted
      .filter((tag) => playbook.includes(tag.entry))
      .map((tag) => `${tag.sign} ${tag.entry}`);
    const due = oracle.tags
      .filter((tag) => playbook.includes(tag.pairing))
      .map((tag) => `${tag.sign} ${tag.pairing}`);
    count.quoted += quoted.length;
    count.oracles += countShared(
      quoted.map((tag) => tag.entry),
      oracle.tags.map((tag) => tag.pairing),
    );
    count.given += given.length;
    count.due += due.length;
    count.right += countShared(given, due);
  });
  return [
    ability("tags-precision", "tags given that are right", count.right, count.given),
    ability("tags-recall", "tags due that are given", count.right, count.due),
    ability(
      "tags-unresolved",
      "quoted pairings that name no entry",
      count.quoted - count.given,
      count.quoted,
    ),
    ability(
      "tags-misquoted",
      "quoted pairings that the oracle does not quote",
      count.quoted - count.oracles,
      count.quoted,
    ),
  ];
};

/**
 * Measures all abilities. A pure function of the options, as far as `generate` is one of its prompts and options.
 * Throws an Error when `generate` does not answer every prompt.
 */
export const measureAbilities = async (
  generate: Generate,
  options: AbilityOptions,
): Promise<ReadonlyArray<Ability>> => {
  const exam = makeExam(generate, options);
  const failed = exam.draw("failed", (random) =>
    drawItem(random, RIGHT.untrained, false, fullPlaybook),
  );
  const reflections = await exam.ask("failed", "reflection", failed.map(reflectionPrompt));
  return [
    ...(await measurePrograms(exam, failed, reflections)),
    ...(await measureReflections(exam, failed, reflections)),
    await measureCurator(exam, "known"),
    await measureCurator(exam, "new"),
    await measureCurator(exam, "rival"),
    ...(await measureTags(exam)),
  ];
};
