/** The battery's cases for losses: from logits of rows to what each token costs, and the gradient by the student's logits. */
import { type Distill, distillOf, type Objective } from "@resd/core";
import { tokenLosses } from "@resd/objectives";
import { add, gradient, mul, sum } from "@resd/tensor";
import { type BatteryCase, batteryCase } from "./battery.ts";

const distill = (settings: Partial<Distill>): Distill => ({
  _tag: "Distill",
  alpha: 1,
  support: { _tag: "full" },
  aggregation: "token-mean",
  teacher: { _tag: "frozen" },
  ...settings,
});

const reward = {
  _tag: "PolicyGradient",
  aggregation: "token-mean",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.28,
} as const;

/** Rows, words, and what is compared: supports narrower and wider than what kernels treat alike, with and without bounds. */
const CASES: ReadonlyArray<readonly [name: string, N: number, V: number, objective: Objective]> = [
  [
    "top-k",
    33,
    73,
    distill({ support: { _tag: "top-k", k: 20, rest: "renormalize" }, ratioMin: 0.2 }),
  ],
  [
    "tail",
    9,
    700,
    distill({
      alpha: 0.5,
      support: { _tag: "top-k", k: 20, rest: "tail" },
      ratioMin: 0.2,
      ratioMax: 5,
    }),
  ],
  ["few", 5, 40, distill({ alpha: 0, support: { _tag: "top-k", k: 3, rest: "tail" } })],
  ["full", 70, 65, distill({ alpha: 0.25, ratioMax: 5 })],
  ["sampled", 17, 130, distill({ support: { _tag: "sampled-token" }, ratioMin: 0.1 })],
  ["cross-entropy", 17, 1025, { _tag: "CrossEntropy", aggregation: "token-mean" }],
  ["reward", 9, 33, reward],
  [
    "mixture",
    9,
    33,
    { _tag: "Mixture", distill: distill({}), reward, route: { _tag: "share", lambda: 0.5 } },
  ],
];

export const lossCases = (): ReadonlyArray<BatteryCase> =>
  CASES.map(([name, N, V, objective]) =>
    batteryCase(`losses-${name}`, (given) => {
      const student = given.f32("student", [N, V], () => 2 * given.random.normal());
      const { rewardLoss, ...losses } = tokenLosses({
        objective,
        student,
        ...(distillOf(objective) !== undefined
          ? { teacher: given.f32("teacher", [N, V], () => 2 * given.random.normal()) }
          : {}),
        tokens: given.i32("tokens", [N], V),
        behaviour: given.f32("behaviour", [N], () => -4 + given.random.normal()),
        advantage: given.f32("advantage", [N]),
      });
      const coefficient = given.f32("coefficient", [N]);
      const taught = rewardLoss === undefined ? losses.loss : add(losses.loss, rewardLoss);
      const [slope] = gradient(sum(mul(taught, coefficient)), [student]);
      return { ...losses, slope: slope! };
    }),
  );
