import { type Objective, Policy, type PolicyShape, type Prompt } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { checkLaws } from "./law.ts";
import { type LinearState, linearPolicy, makeLinearPolicy } from "./linear_policy.ts";
import { policyLaws, type PolicyLawSettings } from "./policy_laws.ts";
import { registerLaws } from "./register_laws.ts";

const options = {
  words: ["<task>", "<go>", ..."one two three four five six seven".split(" ")],
  seed: 3,
  disk: new Map<string, LinearState>(),
};
const prompt = (...words: ReadonlyArray<string>): Prompt => [
  { control: "<task>" },
  { text: words.join(" ") },
  { control: "<go>" },
];
const settings: PolicyLawSettings = {
  prompts: [prompt("one"), prompt("two", "three"), prompt("four"), prompt("five", "six")],
  teacherPrompts: [
    prompt("one", "seven", "seven"),
    prompt("two", "three", "seven"),
    prompt("four", "one", "one"),
    prompt("five", "six", "six", "six"),
  ],
  controls: ["<task>", "<go>", "<end>"],
  texts: ["one two three", "seven"],
  lr: 0.5,
  chunkings: [1, 3].map((microBatch) => linearPolicy({ ...options, microBatch })),
  folder: "/policies/law",
  independent: true,
};

/** A policy that hears another objective than the one it is given. */
const withObjective =
  (change: (objective: Objective) => Objective) =>
  (good: PolicyShape): PolicyShape => ({
    ...good,
    update: (batch, objective, step) => good.update(batch, change(objective), step),
  });

/** A policy with one promise broken. */
const defective: Readonly<Record<string, readonly [string, (good: PolicyShape) => PolicyShape]>> = {
  "turns text into control tokens": [
    "policy.encode.controls",
    (good) => ({
      ...good,
      encode: (given) =>
        good.encode(
          given.map((segment) =>
            "text" in segment && segment.text.includes("<")
              ? { control: /<\w+>/.exec(segment.text)?.[0] ?? "" }
              : segment,
          ),
        ),
    }),
  ],
  "answers in another order": [
    "policy.generate.answers",
    (good) => ({
      ...good,
      generate: (requests) =>
        Effect.map(good.generate(requests), (answers) =>
          answers.map((answer) => ({ ...answer, policyVersion: "0" })),
        ),
    }),
  ],
  "draws from shared state": [
    "policy.generate.seeded",
    (good) => {
      let calls = 0;
      return {
        ...good,
        generate: (requests) => {
          calls++;
          return good.generate(requests.map((one) => ({ ...one, seed: one.seed + calls })));
        },
      };
    },
  ],
  "ignores the seed": [
    "policy.generate.seeds-differ",
    (good) => ({
      ...good,
      generate: (requests) => good.generate(requests.map((one) => ({ ...one, seed: 1 }))),
    }),
  ],
  "mixes rows": [
    "policy.generate.independent",
    (good) => ({
      ...good,
      generate: (requests) =>
        good.generate(requests.map((one) => ({ ...one, seed: one.seed + requests.length }))),
    }),
  ],
  "reports log-probs after temperature": [
    "policy.generate.log-probs",
    (good) => ({
      ...good,
      generate: (requests) =>
        Effect.map(good.generate(requests), (answers) =>
          answers.map((answer, i) => ({
            ...answer,
            logProbs: answer.logProbs.map(
              (x) =>
                x /
                (requests[i]?.sampling.temperature === 0
                  ? 1
                  : (requests[i]?.sampling.temperature ?? 1)),
            ),
          })),
        ),
    }),
  ],
  "cuts long prompts": [
    "policy.generate.overflow",
    (good) => ({
      ...good,
      generate: (requests) =>
        good.generate(
          requests.map((one) => ({
            ...one,
            prompt: one.prompt.slice(0, good.info.maxContext - 1),
          })),
        ),
    }),
  ],
  "samples from old weights": [
    "policy.update.version",
    (good) => {
      const old = makeLinearPolicy(options);
      return { ...good, generate: old.generate };
    },
  ],
  "ascends instead of descending": [
    "policy.update.learns",
    (good) => ({
      ...good,
      update: (batch, objective, step) => good.update(batch, objective, { ...step, lr: -step.lr }),
    }),
  ],
  "averages over micro-batches": [
    "policy.update.unsampled",
    (good) => ({
      ...good,
      update: (batch, objective, step) =>
        good.update(
          batch.map((sample) => ({ ...sample, weight: sample.weight / batch.length })),
          objective,
          step,
        ),
    }),
  ],
  "trains on masked tokens": [
    "policy.update.masked",
    (good) => ({
      ...good,
      update: (batch, objective, step) =>
        good.update(
          batch.map((sample) => ({ ...sample, mask: new Uint8Array(sample.mask.length).fill(1) })),
          objective,
          step,
        ),
    }),
  ],
  "ignores weights": [
    "policy.update.weights",
    (good) => ({
      ...good,
      update: (batch, objective, step) =>
        good.update(
          batch.map((sample) => ({ ...sample, weight: 1 })),
          objective,
          step,
        ),
    }),
  ],
  "takes any teacher sequence": [
    "policy.update.suffix",
    (good) => ({
      ...good,
      update: (batch, objective, step) =>
        good.update(
          batch.map((sample) =>
            sample.teacher === undefined ? sample : { ...sample, teacher: sample.student },
          ),
          objective,
          step,
        ),
    }),
  ],
  "steps into what is not finite": [
    "policy.update.non-finite",
    (good) => ({
      ...good,
      update: (batch, objective, step) =>
        good.update(
          batch.map((sample) => ({ ...sample, advantage: 1 })),
          objective,
          step,
        ),
    }),
  ],
  "takes the share of a mixture for the reward's": [
    "policy.update.mixture.share",
    withObjective((objective) =>
      objective._tag === "Mixture" && objective.route._tag === "share"
        ? { ...objective, route: { _tag: "share", lambda: 1 - objective.route.lambda } }
        : objective,
    ),
  ],
  "loses the teacher's part of a mixture by outcome": [
    "policy.update.mixture.outcome",
    withObjective((objective) =>
      objective._tag === "Mixture" && objective.route._tag === "outcome"
        ? objective.reward
        : objective,
    ),
  ],
  "ignores importance": [
    "policy.update.importance",
    withObjective((objective) => {
      if (objective._tag !== "Distill") return objective;
      const { importance: _, ...rest } = objective;
      return rest;
    }),
  ],
  "ignores filters of tokens": [
    "policy.update.filter",
    withObjective((objective) => {
      if (objective._tag !== "Distill") return objective;
      const { tokenFilter: _, ...rest } = objective;
      return rest;
    }),
  ],
  "ignores targets": [
    "policy.update.target",
    withObjective((objective) => {
      if (objective._tag !== "Distill") return objective;
      const { target: _, ...rest } = objective;
      return rest;
    }),
  ],
  "takes the rate as retention": [
    "policy.teacher.ema",
    (good) => ({
      ...good,
      update: (batch, objective, step) =>
        good.update(
          batch,
          objective._tag === "Distill" && objective.teacher._tag === "ema"
            ? { ...objective, teacher: { _tag: "ema", rate: 1 - objective.teacher.rate } }
            : objective,
          step,
        ),
    }),
  ],
  "moves a frozen teacher": [
    "policy.teacher.frozen",
    (good) => ({
      ...good,
      update: (batch, objective, step) =>
        good.update(
          batch,
          objective._tag === "Distill" ? { ...objective, teacher: { _tag: "live" } } : objective,
          step,
        ),
    }),
  ],
  "forgets the teacher when saving": [
    "policy.save.all",
    (good) => ({ ...good, save: (folder) => good.save(folder, "weights") }),
  ],
  "clips before it reports": [
    "policy.update.clip",
    (good) => ({
      ...good,
      update: (batch, objective, step) =>
        Effect.map(good.update(batch, objective, step), (report) => ({
          ...report,
          gradNorm: Math.min(report.gradNorm, step.clipNorm ?? Infinity),
        })),
    }),
  ],
};

describe("policyLaws()", () => {
  describe("hold for the linear policy", () => {
    registerLaws(policyLaws(linearPolicy(options), settings));
  });

  it("have ids of their own", () => {
    const ids = policyLaws(linearPolicy(options), settings).map(({ id }) => id);
    assert.strictEqual(new Set(ids).size, ids.length);
  });

  it.live.each(Object.entries(defective))("catch a policy that %s", ([, [id, spoil]]) =>
    Effect.gen(function* () {
      const layer = Layer.sync(Policy, () => spoil(makeLinearPolicy(options)));
      const laws = policyLaws(layer, settings).filter((law) => law.id === id);
      assert.lengthOf(laws, 1);
      const [result] = yield* checkLaws(laws);
      assert.isFalse(result?.passed);
    }),
  );

  it.live("catch a policy that averages gradients over micro-batches", () =>
    Effect.gen(function* () {
      const averaging = Layer.sync(Policy, () => {
        const good = makeLinearPolicy(options);
        return Policy.of({
          ...good,
          update: (batch, objective, step) => good.update(batch.slice(0, 2), objective, step),
        });
      });
      const laws = policyLaws(linearPolicy(options), { ...settings, chunkings: [averaging] });
      const [result] = yield* checkLaws(laws.filter(({ id }) => id === "policy.update.chunks.1"));
      assert.isFalse(result?.passed);
    }),
  );
});
