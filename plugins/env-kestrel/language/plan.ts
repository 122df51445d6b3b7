/** What the agent is asked for: a numbered plan in plain words, to be written as a program for the chip. */
import { type Random, makeRandom } from "@resd/core";
import { Schema } from "effect";
import {
  ARGUMENTS,
  type Group,
  OPERATIONS,
  OPERATIONS_OF,
  type Operation,
  type Port,
  groupOf,
  isOperation,
  isPort,
  takesArgument,
} from "./operations.ts";

/** The longest plan: three operations and a port. */
export const MAX_LINES = 4;
/** The number that opens line `index` (counted from 0), as on a home computer: `10:`, `20:` … */
export const lineLabel = (index: number): string => `${10 * (index + 1)}:`;

/** One numbered line of a plan. `argument` is there exactly if the operation's group takes one. */
export const Step = Schema.Struct({
  operation: Schema.Literals(OPERATIONS),
  argument: Schema.optionalKey(Schema.Literals(ARGUMENTS)),
}).check(
  Schema.makeFilter(
    (step) =>
      (step.argument !== undefined) === takesArgument(groupOf(step.operation)) ||
      `an argument exactly if ${step.operation} takes one`,
  ),
);
export type Step = typeof Step.Type;

/** Steps of which the last one, and only that, is a port; and the digits that the bench will feed in. */
export const Plan = Schema.Struct({
  steps: Schema.Array(Step).check(
    Schema.makeFilter(
      (steps) =>
        (steps.length <= MAX_LINES &&
          steps.findIndex((step) => isPort(step.operation)) === steps.length - 1 &&
          steps.length > 0) ||
        `at most ${MAX_LINES} steps of which only the last is a port`,
    ),
  ),
  /** Three distinct digits. They are not part of the plan's text. */
  inputs: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))),
});
export type Plan = typeof Plan.Type;

/**
 * How plans are drawn. `classic`: two operations (60 %) or three (40 %), drawn independently, two fifths of them
 * arithmetic, two fifths comparisons. `siblings`: three distinct operations of one group, so that what a wrong
 * mnemonic turns out to do is often what another line of the same plan needs.
 */
export const LEVELS = ["classic", "siblings"] as const;
export type Level = (typeof LEVELS)[number];

const CLASSIC_GROUPS = [
  "arithmetic",
  "arithmetic",
  "comparison",
  "comparison",
  "transform",
] as const satisfies ReadonlyArray<Group>;
const SIBLING_GROUPS = [
  "arithmetic",
  "comparison",
  "transform",
] as const satisfies ReadonlyArray<Group>;

const stepOf = (random: Random, operation: Operation): Step =>
  takesArgument(groupOf(operation))
    ? { operation, argument: random.pick(ARGUMENTS) }
    : { operation };

/** A plan of `count` operations, drawn as in `classic`, and a port. */
export const randomPlanOf = (random: Random, count: number): Plan =>
  finish(
    random,
    Array.from({ length: count }, () =>
      stepOf(random, random.pick<Operation>(OPERATIONS_OF[random.pick(CLASSIC_GROUPS)])),
    ),
  );

/** A plan of a level. */
export const randomPlan = (random: Random, level: Level): Plan =>
  level === "classic"
    ? randomPlanOf(random, random.next() < 0.6 ? 2 : 3)
    : finish(
        random,
        random
          .sample<Operation>(OPERATIONS_OF[random.pick(SIBLING_GROUPS)], 3)
          .map((operation) => stepOf(random, operation)),
      );

const finish = (random: Random, steps: ReadonlyArray<Step>): Plan => ({
  steps: [...steps, { operation: random.pick<Port>(OPERATIONS_OF.port) }],
  inputs: random.sample([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3),
});

/** The plan as the agent reads it, such as `10: square 20: subtract 3 30: screen`. */
export const planText = (plan: Plan): string =>
  plan.steps
    .map((step, i) =>
      [lineLabel(i), step.operation, ...(step.argument === undefined ? [] : [step.argument])].join(
        " ",
      ),
    )
    .join(" ");

/** The operations that a plan's text asks for, in line order: all that a reader of the text needs. */
export const plannedOperations = (text: string): ReadonlyArray<Operation> =>
  text.split(" ").filter(isOperation);

/**
 * The first `count` plans of a seed and level, no two with the same text. Longer prefixes extend shorter ones.
 * Throws a RangeError when the level has not that many plans.
 */
export const distinctPlans = (seed: number, level: Level, count: number): ReadonlyArray<Plan> => {
  const random = makeRandom("kestrel", seed, level, "plans");
  const plans = new Map<string, Plan>();
  for (let misses = 0; plans.size < count;) {
    const plan = randomPlan(random, level);
    const text = planText(plan);
    misses = plans.has(text) ? misses + 1 : 0;
    if (misses > 10_000) {
      throw new RangeError(
        `Expected at most ${plans.size} distinct plans of level ${level}, got a request for ${count}; ask for fewer`,
      );
    }
    if (!plans.has(text)) plans.set(text, plan);
  }
  return [...plans.values()];
};

/** Every fifth distinct plan is held out. */
const FIFTH = 5;

/**
 * Plans to learn from and plans to be tested on; no text is in both. Neither list depends on how long the other is.
 * Throws a RangeError when the level has not that many plans.
 */
export const splitPlans = (
  seed: number,
  level: Level,
  sizes: { readonly train: number; readonly heldOut: number },
): { readonly train: ReadonlyArray<Plan>; readonly heldOut: ReadonlyArray<Plan> } => {
  const fifths = Math.max(Math.ceil(sizes.train / (FIFTH - 1)), sizes.heldOut);
  const plans = distinctPlans(seed, level, fifths * FIFTH);
  return {
    train: plans.filter((_, i) => i % FIFTH !== FIFTH - 1).slice(0, sizes.train),
    heldOut: plans.filter((_, i) => i % FIFTH === FIFTH - 1).slice(0, sizes.heldOut),
  };
};

/** Most plans of a split that is held out, and a quarter of the most to learn from: 5120 distinct plans in all. */
export const MOST_HELD_OUT = 1024;

/**
 * Plans to choose between policies by: in no list of `splitPlans` with up to 4096 plans to learn from and 1024 to be tested
 * on. Longer lists extend shorter ones.
 */
export const validationPlans = (seed: number, level: Level, size: number): ReadonlyArray<Plan> => {
  const { heldOut } = splitPlans(seed, level, { train: 0, heldOut: MOST_HELD_OUT + size });
  return heldOut.slice(MOST_HELD_OUT);
};
