import {
  EnvironmentInfraError,
  type Reflection,
  type RunEvent,
  type SampleReport,
} from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { eventsOf, makeWorld, smallConfig } from "./_world.ts";
import type { WorldOptions } from "./_world_options.ts";
import type { ResdConfig } from "./config.ts";
import { COLLAPSING, type Cause, type Diagnosis, NOT_LEARNING } from "./detect/finding.ts";
import { inSilence } from "./journal.ts";
import { train } from "./train.ts";
import { watched } from "./watch.ts";

/** A run that goes wrong in one way. */
interface Planted {
  readonly cause: Cause;
  /** How it reads in the name of the test. */
  readonly when: string;
  readonly world: WorldOptions;
  readonly config?: Partial<ResdConfig>;
  /** Causes that follow from the planted one. */
  readonly also?: ReadonlyArray<Cause>;
}

const wrong = { answer: () => "no" } as const;
const every = (updates: number, teacher = false): ResdConfig["evaluation"] => ({
  every: updates,
  tasks: "all",
  samples: 2,
  teacher,
});
/** An objective that reads no teacher. */
const byReward: ResdConfig["objective"] = {
  _tag: "PolicyGradient",
  shaping: "grpo",
  clipLow: 0.2,
  clipHigh: 0.2,
  aggregation: "token-mean",
};
const silentSections = {
  playbook: false,
  attempt: false,
  feedback: false,
  reflection: false,
  solution: true,
} as const;
const reflectionOf = (changes: Partial<Reflection>): WorldOptions => ({
  ...wrong,
  reflect: () => ({ text: "because", tags: [], parse: "ok", ...changes }),
});
/** Changes what every sample of an update reports. */
const reporting = (change: (updates: number) => Partial<SampleReport>): WorldOptions => ({
  ...wrong,
  onReport: (report, updates) => ({
    ...report,
    samples: report.samples.map((sample) => ({ ...sample, ...change(updates) })),
  }),
});
const words = (count: number): string => Array(count).fill("no").join(" ");
/** Held-out tasks are solved at first and not later; the teacher as it is told. */
const falling = (teacher: (updates: number) => boolean): WorldOptions => ({
  answer: ({ word, as, updates }) => {
    if (!word.startsWith("heldOut")) return "no";
    return (as === "teacher" ? teacher(updates) : updates < 8) ? word : "no";
  },
});

const planted: ReadonlyArray<Planted> = [
  { cause: "learning-rate-zero", when: "the rate is 0", world: wrong, config: { lr: 0 } },
  {
    cause: "steps-skipped",
    when: "no step is finite",
    world: {
      ...wrong,
      onReport: (report) => ({
        ...report,
        gradNorm: Number.NaN,
        skipped: "the gradient is not finite",
      }),
    },
  },
  {
    cause: "weights-do-not-move",
    when: "steps are lost to rounding",
    world: { ...wrong, onReport: (report) => ({ ...report, paramDeltaNorm: 0 }) },
  },
  {
    cause: "no-privileged-text",
    when: "the teacher has nothing to read",
    world: wrong,
    config: { sections: silentSections, reflect: false, playbook: "none" },
  },
  {
    cause: "no-solutions",
    when: "there is nothing to imitate",
    world: { ...wrong, capabilities: { objectives: ["cross-entropy"] } },
    config: {
      objective: { _tag: "CrossEntropy", aggregation: "token-mean" },
      reflect: false,
      playbook: "none",
    },
  },
  {
    cause: "prompts-overflow",
    when: "enriched prompts do not fit",
    world: wrong,
    config: { limits: { ...smallConfig().limits, teacherPromptTokens: 4 } },
  },
  {
    cause: "environment-fails",
    when: "next to nothing is graded",
    world: {
      ...wrong,
      train: 20,
      failing: (at, key) =>
        at === "step" && key.startsWith("train") && key !== "train0"
          ? new EnvironmentInfraError({ message: "down", retryable: false })
          : undefined,
    },
    config: { batchSize: 20 },
  },
  {
    cause: "no-tokens",
    when: "all answers are empty",
    world: { answer: () => "…" },
    also: ["answers-cut"],
  },
  {
    cause: "teacher-is-student",
    when: "the teacher's context changes nothing",
    world: reporting(() => ({ divergence: 0 })),
  },
  {
    cause: "all-clamped",
    when: "all ratios are at a bound",
    world: reporting(() => ({ clampedFraction: 1 })),
  },
  {
    cause: "rewards-equal",
    when: "no rollout is better than its siblings",
    world: { ...wrong, onReport: (report) => ({ ...report, gradNorm: 0 }) },
    config: { objective: byReward, rolloutsPerPrompt: 2 },
  },
  {
    cause: "gradient-zero",
    when: "the gradient is 0 for no reason that is known",
    world: { ...wrong, onReport: (report) => ({ ...report, gradNorm: 1e-6 }) },
  },
  { cause: "answers-unreadable", when: "no answer can be read", world: { answer: () => "" } },
  { cause: "answers-cut", when: "all answers end at the limit", world: { answer: () => "no…" } },
  {
    cause: "reflections-unreadable",
    when: "no reflection can be read",
    world: {
      ...reflectionOf({ parse: "malformed" }),
      curate: () => ({ operations: [], parse: "ok" }),
    },
  },
  {
    cause: "no-lessons",
    when: "no reflection states a lesson",
    world: { ...reflectionOf({}), curate: () => ({ operations: [], parse: "ok" }) },
  },
  {
    cause: "playbook-stays-empty",
    when: "the curator's replies cannot be read",
    world: { ...wrong, curate: () => ({ operations: [], parse: "malformed" }) },
  },
  {
    cause: "playbook-stays-empty",
    when: "entries leave as soon as they come",
    world: wrong,
    config: {
      dropExactDuplicates: false,
      concise: { method: "prioritized", every: 100, cap: 1, window: 1, afterCuration: true },
    },
  },
  {
    cause: "no-progress",
    when: "nothing helps, and the teacher is not measured",
    world: wrong,
    config: { updates: 28, evaluation: every(4) },
  },
  {
    cause: "teacher-no-better",
    when: "the teacher's context does not help it",
    world: wrong,
    config: { updates: 28, evaluation: every(4, true) },
  },
  {
    cause: "student-does-not-follow",
    when: "the teacher knows, and the student does not learn",
    world: { answer: ({ word, as }) => (as === "teacher" ? word : "no") },
    config: { updates: 28, evaluation: every(4, true) },
  },
  {
    cause: "entropy-collapse",
    when: "the student becomes sure of wrong answers",
    world: reporting((updates) => ({ studentEntropy: 0.8 ** updates })),
    config: { updates: 20 },
  },
  {
    cause: "length-explosion",
    when: "answers grow",
    world: { answer: ({ updates }) => words(1 + updates) },
    config: { updates: 20 },
  },
  {
    cause: "length-collapse",
    when: "answers shrink",
    world: { answer: ({ updates }) => words(Math.max(1, 12 - updates)) },
    config: { updates: 20 },
  },
  {
    cause: "divergence-blow-up",
    when: "student and teacher part",
    world: reporting((updates) => ({ divergence: 0.05 * updates ** 2 })),
    config: { updates: 20 },
  },
  {
    cause: "gradient-blow-up",
    when: "gradients grow",
    world: { ...wrong, onReport: (report, updates) => ({ ...report, gradNorm: 2 ** updates }) },
    config: { updates: 20 },
  },
  {
    cause: "sampler-differs",
    when: "the sampler has other weights",
    world: { ...wrong, onReport: (report) => ({ ...report, logProbGap: 0.3 }) },
  },
  {
    cause: "success-falls",
    when: "results fall and nothing says why",
    world: falling(() => false),
    config: { updates: 16, evaluation: every(4) },
  },
  {
    cause: "teacher-followed-student",
    when: "the teacher falls with the student",
    world: falling((updates) => updates < 8),
    config: { updates: 16, evaluation: every(4, true) },
  },
  {
    cause: "student-left-teacher",
    when: "the student falls and the teacher does not",
    world: falling(() => true),
    config: { updates: 16, evaluation: every(4, true) },
  },
  {
    cause: "teacher-falls",
    when: "the teacher falls and the student does not yet",
    world: {
      answer: ({ word, as, updates }) =>
        word.startsWith("heldOut") && as === "teacher" && updates < 8 ? word : "no",
    },
    config: { updates: 16, evaluation: every(4, true) },
  },
  {
    cause: "playbook-emptied",
    when: "results fall with the playbook",
    also: ["playbook-stays-empty"],
    world: {
      ...falling(() => false),
      curate: (() => {
        let asked = 0;
        return ({ taskKey }) => ({
          operations:
            asked++ < 64 ? [{ _tag: "Add", section: "OTHERS", text: `${taskKey} is itself` }] : [],
          parse: "ok",
        });
      })(),
    },
    config: {
      updates: 20,
      evaluation: every(4),
      batchSize: 8,
      concise: { method: "reset", every: 9, cap: 100, window: 1, afterCuration: false },
    },
  },
];

const runPlanted = ({ world: options, config = {} }: Pick<Planted, "world" | "config">) =>
  Effect.gen(function* () {
    const world = makeWorld({ train: 8, ...options });
    const summary = yield* Effect.provide(
      train(smallConfig({ updates: 9, ...config }), { name: "planted" }),
      world.layer,
    );
    return { summary, warned: eventsOf(world.events, "Warned").map((event) => event.code) };
  });

describe("watched", () => {
  for (const one of planted) {
    it.effect(`watched() names ${one.cause}, when ${one.when}`, () =>
      Effect.gen(function* () {
        const { summary, warned } = yield* runPlanted(one);
        const causes = summary.diagnoses.map(({ cause }) => cause);
        assert.sameMembers(causes, [one.cause, ...(one.also ?? [])]);
        for (const { cause, kind, message } of summary.diagnoses) {
          assert.strictEqual(warned.filter((code) => code === cause).length, 1);
          assert.strictEqual(
            kind === "collapsing",
            COLLAPSING.some((known) => known === cause),
          );
          assert.notMatch(message, /NaN|undefined/);
        }
      }),
    );
  }

  it("watched() has a planted run for every cause that a run can have while it goes on", () => {
    const causes = new Set([...planted.map(({ cause }) => cause), "forgetting", "all-masked"]);
    assert.sameMembers([...causes], [...NOT_LEARNING, ...COLLAPSING]);
  });

  it.effect("watched() names a cause once in a phase, and judges a new phase by itself alone", () =>
    Effect.gen(function* () {
      const heard: Array<RunEvent> = [];
      const diagnoses: Array<Diagnosis> = [];
      const { emit } = watched(
        {
          emit: (event) => Effect.sync(() => void heard.push(event)),
          during: () => inSilence,
          seconds: () => ({}),
        },
        diagnoses,
      );
      const report = {
        loss: 0,
        gradNorm: 1,
        teacherDrift: 0,
        paramDeltaNorm: 1,
        logProbGap: 0,
        policyVersion: "",
        samples: [],
      };
      for (let update = 0; update < 40; update++) {
        const metrics = { phase: update < 20 ? "first" : "second", learningRate: 0 };
        yield* emit({ _tag: "Updated", update, report, metrics });
      }
      assert.deepEqual(
        diagnoses.map(({ cause, update, resolved }) => [cause, update, resolved]),
        [
          ["learning-rate-zero", 8, undefined],
          ["learning-rate-zero", 28, undefined],
        ],
      );
      assert.deepEqual(
        eventsOf(heard, "Warned").map(({ code, update }) => [code, update]),
        [
          ["learning-rate-zero", 7],
          ["learning-rate-zero", 27],
        ],
      );
    }),
  );

  it.effect("watched() says when a cause was gone again, and takes that back when it returns", () =>
    Effect.gen(function* () {
      const rates = (rate: (updates: number) => number) =>
        runPlanted({
          world: {
            ...wrong,
            onReport: (report, updates) => ({ ...report, logProbGap: rate(updates) }),
          },
          config: { updates: 24 },
        });
      const gone = yield* rates((updates) => (updates <= 10 ? 1 : 0));
      assert.deepEqual(
        gone.summary.diagnoses.map(({ update, resolved }) => [update, resolved]),
        [[8, 11]],
      );
      const back = yield* rates((updates) => (updates === 10 ? 0 : 1));
      assert.deepEqual(
        back.summary.diagnoses.map(({ update, resolved }) => [update, resolved]),
        [[8, undefined]],
      );
      assert.lengthOf(
        back.warned.filter((code) => code === "sampler-differs"),
        1,
      );
    }),
  );

  it.effect("watched() says nothing of a run that learns", () =>
    Effect.gen(function* () {
      const { summary } = yield* runPlanted({
        world: {
          // From 0 to all of eight tasks, with the entropy and the divergence of a run that has learned.
          answer: ({ word, updates }) => (Number(word.at(-1)) < updates / 3 ? word : "no"),
          onReport: (report, updates) => ({
            ...report,
            gradNorm: 1 / updates,
            samples: report.samples.map((sample) => ({
              ...sample,
              studentEntropy: 0.8 ** updates,
              divergence: 0.7 ** updates,
            })),
          }),
        },
        config: { updates: 40, batchSize: 8, evaluation: every(4, true) },
      });
      assert.deepEqual(summary.diagnoses, []);
    }),
  );

  it.effect("watched() says nothing of a solved run in which nothing is left to learn", () =>
    Effect.gen(function* () {
      const { summary } = yield* runPlanted({
        world: { onReport: (report) => ({ ...report, gradNorm: 0, loss: 0 }) },
        config: { ownSolution: false, evaluation: every(4) },
      });
      assert.deepEqual(summary.diagnoses, []);
    }),
  );
});
