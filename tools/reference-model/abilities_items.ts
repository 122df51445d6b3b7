/** The questions of the ability measurements: an attempt at a plan on a fresh chip, with a playbook beside it. */
import type { Random } from "@resd/core";
import {
  type Convention,
  OPERATIONS,
  type Plan,
  mnemonicsFor,
  pairingText,
  pairingsOf,
  planText,
  randomPlan,
} from "@resd/env-kestrel/language";
import { drawFreshConvention } from "./documents.ts";
import { type Tried, drawAttempt, feedbackOf } from "./documents_attempts.ts";
import type { Playbook } from "./documents_playbooks.ts";
import { type OracleReflection, reflect } from "./oracle.ts";

/** How often a line of a failed attempt is right: as an untrained student's, and as a half-trained one's. */
export const RIGHT = { untrained: 0.25, halfTrained: 0.5 };
const WRONG_ENTRIES = OPERATIONS.length / 4;

/** A question about one chip. */
export interface Item extends Tried {
  readonly convention: Convention;
  readonly plan: Plan;
  readonly playbook: Playbook;
  readonly oracle: OracleReflection;
}

/** An attempt that can be read, and fails or passes as asked. */
const drawTried = (
  random: Random,
  plan: Plan,
  convention: Convention,
  right: number,
  passed: boolean,
): Tried => {
  for (;;) {
    const attempt = drawAttempt(random, plan, convention, right, 0);
    const feedback = feedbackOf(plan, attempt.join(" "), convention);
    if ((feedback === "pass") === passed) return { attempt, feedback: feedback.split(" ") };
  }
};

const oracleOf = (plan: Plan, { attempt, feedback }: Tried): OracleReflection =>
  reflect({ plan: planText(plan), attempt: attempt.join(" "), feedback: feedback.join(" ") });

/** All sixteen true lessons in random order. */
export const fullPlaybook = (random: Random, convention: Convention): Playbook =>
  random.shuffle(pairingsOf(convention));

/** The same, with a wrong mnemonic of the group in a quarter of the entries. */
export const quarterWrong = (random: Random, convention: Convention): Playbook => {
  const wrong = new Set(random.sample(OPERATIONS, WRONG_ENTRIES));
  return random.shuffle(OPERATIONS).map((operation) => {
    const true_ = convention.mnemonicOf[operation];
    const others = mnemonicsFor(operation).filter((mnemonic) => mnemonic !== true_);
    return pairingText(operation, wrong.has(operation) ? random.pick(others) : true_);
  });
};

export const drawItem = (
  random: Random,
  right: number,
  passed: boolean,
  playbookOf: (random: Random, convention: Convention) => Playbook,
): Item => {
  const convention = drawFreshConvention(random);
  const plan = randomPlan(random, "classic");
  const tried = drawTried(random, plan, convention, right, passed);
  return {
    convention,
    plan,
    ...tried,
    playbook: playbookOf(random, convention),
    oracle: oracleOf(plan, tried),
  };
};
