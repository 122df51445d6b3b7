/** Laws of objectives with options: what a policy claims to mix, weigh or aim between, it does by the numbers. */
import type { Distill, Objective, ObjectiveKind, TrainSample, UpdateReport } from "@resd/core";
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import {
  distillFor,
  farthest,
  near,
  OBJECTIVES,
  type PolicyBench,
  probe,
  sampledBatch,
  withoutTeacher,
} from "./bench.ts";

const numbers = ({ loss, gradNorm }: UpdateReport) => ({ loss, gradNorm });

/** What one update came to. */
interface Outcome {
  readonly report: UpdateReport;
  /** What the policy makes of the batch afterwards. */
  readonly after: ReadonlyArray<number>;
}

const lossOf = ({ report }: Outcome): number => report.loss;

export const objectiveLaws = <E, R>(bench: PolicyBench<E, R>): ReadonlyArray<Law<R>> => {
  const { settings } = bench;
  const { lr, tolerance } = settings;
  const reward = OBJECTIVES["policy-gradient"] as Extract<Objective, { _tag: "PolicyGradient" }>;

  /** One update on a fresh policy; undefined where the policy does not claim to know how. */
  const updateWith = (
    kinds: ReadonlyArray<ObjectiveKind>,
    objectiveOf: (distill: Distill) => Objective,
    change: (batch: ReadonlyArray<TrainSample>) => ReadonlyArray<TrainSample> = (batch) => batch,
  ) =>
    bench.fresh(
      Effect.fnUntraced(function* (policy) {
        const { objectives } = policy.capabilities;
        if (!kinds.every((kind) => objectives.includes(kind))) return undefined;
        const batch = yield* sampledBatch(policy, settings);
        const rewarded = batch.map((sample, i) => ({
          ...sample,
          advantage: i % 2 === 0 ? 1 : -0.5,
        }));
        const objective = objectiveOf(distillFor(policy));
        const report = yield* policy.update(change(rewarded), objective, { lr });
        return { report, after: yield* probe(policy, batch) };
      }),
    );
  const demandSame = (got: Outcome, expected: Outcome, what: string, hint: string) =>
    demand(
      near(lossOf(got), lossOf(expected)) &&
        near(got.report.gradNorm, expected.report.gradNorm) &&
        farthest(got.after, expected.after) <= tolerance,
      what,
      { got: numbers(got.report), expected: numbers(expected.report) },
      hint,
    );
  const mixed = ["mixture", "policy-gradient"] as const;
  const share =
    (lambda: number) =>
    (distill: Distill): Objective => ({
      _tag: "Mixture",
      distill,
      reward,
      route: { _tag: "share", lambda },
    });

  return [
    law(
      "policy.update.mixture.share",
      "a mixture by share has λ of one loss and 1 − λ of the other, and at its ends is one of them",
      Effect.gen(function* () {
        const taught = yield* updateWith(mixed, (distill) => distill);
        const paid = yield* updateWith(mixed, () => reward);
        const [none, some, all] = [
          yield* updateWith(mixed, share(0)),
          yield* updateWith(mixed, share(0.25)),
          yield* updateWith(mixed, share(1)),
        ];
        if (!taught || !paid || !none || !some || !all) return;
        const hint = "each part has its own denominators, the share multiplies both parts";
        yield* demandSame(all, taught, "the teacher's update at λ = 1", hint);
        yield* demandSame(none, paid, "the reward's update at λ = 0", hint);
        const expected = 0.25 * lossOf(taught) + 0.75 * lossOf(paid);
        yield* demand(near(lossOf(some), expected), `a loss of ${expected}`, lossOf(some), hint);
      }),
    ),
    law(
      "policy.update.mixture.outcome",
      "a mixture by outcome sums the teacher's loss where there is a teacher and the reward's elsewhere",
      Effect.gen(function* () {
        const half = (batch: ReadonlyArray<TrainSample>) =>
          batch.map((sample, i) => (i === 0 ? sample : withoutTeacher(sample)));
        const first = (batch: ReadonlyArray<TrainSample>) => batch.slice(0, 1);
        const rest = (batch: ReadonlyArray<TrainSample>) => batch.slice(1);
        const byOutcome = (distill: Distill): Objective => ({
          _tag: "Mixture",
          distill,
          reward,
          route: { _tag: "outcome" },
        });
        const taught = yield* updateWith(mixed, (distill) => distill, first);
        const paid = yield* updateWith(mixed, () => reward, rest);
        const both = yield* updateWith(mixed, byOutcome, half);
        if (!taught || !paid || !both) return;
        const tokensOf = ({ report }: Outcome) =>
          report.samples.reduce((sum, { tokens }) => sum + tokens, 0);
        const [n, m] = [tokensOf(taught), tokensOf(paid)];
        const expected = (n * lossOf(taught) + m * lossOf(paid)) / (n + m);
        yield* demand(
          near(lossOf(both), expected) && tokensOf(both) === n + m,
          `a loss of ${expected} over ${n + m} tokens`,
          { loss: lossOf(both), tokens: tokensOf(both) },
          "both parts share one token-mean; trap T3: the distilled part has a gradient",
        );
      }),
    ),
    law(
      "policy.update.importance",
      "importance weights are 1 on what the policy has just sampled, and the ratio to other weights elsewhere",
      Effect.gen(function* () {
        const kinds = ["token-weights"] as const;
        const plain = yield* updateWith(kinds, (distill) => distill);
        for (const over of ["token", "sequence"] as const) {
          const weighed = (distill: Distill): Objective => ({
            ...distill,
            importance: { clip: 2, over },
          });
          const own = yield* updateWith(kinds, weighed);
          const rarer = yield* updateWith(kinds, weighed, (batch) =>
            batch.map((sample) => ({
              ...sample,
              behaviour: sample.behaviour.map(
                (x) => x - Math.log(1.5) / (over === "token" ? 1 : sample.mask.length),
              ),
            })),
          );
          if (!plain || !own || !rarer) return;
          yield* demandSame(own, plain, "the update without weights", `weights over a ${over}`);
          yield* demand(
            near(1.5 * lossOf(plain), lossOf(rarer)),
            `1.5 times the loss, ${1.5 * lossOf(plain)}`,
            lossOf(rarer),
            `p/p_behaviour is 1.5 over every ${over}`,
          );
        }
      }),
    ),
    law(
      "policy.update.filter",
      "a filter of share 1 changes nothing, one of almost nothing keeps a token of each sample",
      Effect.gen(function* () {
        const kinds = ["token-weights"] as const;
        const filtered =
          (size: number) =>
          (distill: Distill): Objective => ({
            ...distill,
            tokenFilter: { _tag: "entropy-share", share: size, by: "student-high" },
          });
        const plain = yield* updateWith(kinds, (distill) => distill);
        const all = yield* updateWith(kinds, filtered(1));
        const few = yield* updateWith(kinds, filtered(1e-6));
        if (!plain || !all || !few) return;
        yield* demandSame(all, plain, "the update without a filter", "share 1 keeps every token");
        // Entropies that tie are all kept; sampled positions of different prefixes hardly ever do.
        const tokens = few.report.samples.map((sample) => sample.tokens);
        yield* demand(
          tokens.every(
            (count, i) => count >= 1 && count <= (plain.report.samples[i]?.tokens ?? 0),
          ) &&
            tokens.reduce((a, b) => a + b, 0) <
              plain.report.samples.reduce((sum, sample) => sum + sample.tokens, 0),
          "a token or so of each sample",
          tokens,
          "filtered tokens are not trained on and not counted",
        );
      }),
    ),
    law(
      "policy.update.target",
      "a target at β = 1 is the teacher, one nearer to the student is a smaller divergence",
      Effect.gen(function* () {
        const kinds = ["targets"] as const;
        const plain = yield* updateWith(kinds, (distill) => distill);
        for (const space of ["probabilities", "logits"] as const) {
          const towards =
            (beta: number) =>
            (distill: Distill): Objective => ({
              ...distill,
              target: { beta, space },
            });
          const teacher = yield* updateWith(kinds, towards(1));
          const nearer = yield* updateWith(kinds, towards(0.25));
          if (!plain || !teacher || !nearer) return;
          yield* demandSame(teacher, plain, "the update without a target", `β = 1 in ${space}`);
          yield* demand(
            Math.abs(lossOf(nearer)) < Math.abs(lossOf(plain)),
            `less than ${lossOf(plain)}`,
            lossOf(nearer),
            `a quarter of the way in ${space}`,
          );
        }
      }),
    ),
  ];
};
