/**
 * A world that is really learned, in milliseconds: three questions with three answers, a convention that nobody knows. The
 * policy is linear and begins with one ability: it likes answers that it reads in its prompt. So a teacher that is shown
 * the right one knows better, and everything else the student has to be taught, or to find out.
 */
import {
  Curator,
  Environment,
  Format,
  type Manifest,
  Playbook,
  Policy,
  Reflector,
  type RunEvent,
  RunSeed,
  type TaskRow,
  Tracker,
} from "@resd/core";
import { makeLinearPolicy } from "@resd/testing";
import { Effect, Layer } from "effect";
import { makeWorldPlaybook } from "./_world_playbook.ts";
import { compactFormat } from "./format/compact.ts";
import { presets } from "./presets.ts";
import type { DistillConfig } from "./variants.ts";

const QUESTIONS = ["q0", "q1", "q2"] as const;
const ANSWERS = ["a0", "a1", "a2"] as const;
/** The convention: question i has answer (i + 2) mod 3. */
const answerTo = (place: number): string => ANSWERS[(place + 2) % 3]!;

const CONTROLS = ["<task>", "<prog>", "<pb>", "<try>", "<fb>", "<ref>", "<sol>"];
const WORDS = [...CONTROLS, ...QUESTIONS, ...ANSWERS, "test", "want", "is"];
/** As the linear policy orders them. */
const VOCABULARY = ["<unk>", "<end>", ...WORDS];
const V = VOCABULARY.length;

/** Likes answers that it reads, ends after one, and says nothing but answers. */
const firstWeights = (): Float64Array => {
  const weights = new Float64Array(2 * V * V);
  const at = (word: string) => VOCABULARY.indexOf(word);
  VOCABULARY.forEach((word, v) => {
    const isAnswer = ANSWERS.some((answer) => answer === word);
    if (!isAnswer) weights[at("<prog>") * V + v] = -8;
    if (!isAnswer) return;
    weights[v * V + at("<end>")] = 30;
    weights[(V + v) * V + v] = 20;
  });
  return weights;
};

const { clipNorm: _, ...unclipped } = presets.kestrel;

/** The configuration that variants are tried on here: the reference preset, on three tasks, at plain gradient descent's rate. */
export const learningConfig: DistillConfig = {
  ...unclipped,
  batchSize: 3,
  rolloutsPerPrompt: 4,
  updatesPerBatch: 2,
  updates: 16,
  lr: 15,
  warmup: { updates: 0, from: "first-step" },
  objective: { ...presets.kestrel.objective, support: { _tag: "full" } },
  // An attempt in the prompt would read like advice to this policy.
  sections: { ...presets.kestrel.sections, attempt: false },
  sampling: {
    rollout: { ...presets.kestrel.sampling.rollout, maxTokens: 2 },
    reflect: presets.kestrel.sampling.reflect,
    evaluate: { ...presets.kestrel.sampling.evaluate, maxTokens: 2 },
  },
  evaluation: { every: 1000, tasks: "all", samples: 16, teacher: false },
};

const manifest: Manifest = {
  apiVersion: "resd/1",
  id: "questions",
  turns: "single",
  reward: { min: 0, max: 1 },
  determinism: "pure",
  splits: {
    train: { size: 3, license: "Apache-2.0" },
    heldOut: { size: 3, license: "Apache-2.0" },
  },
  feedback: { tests: true, leakage: "partial", maxChars: 100 },
  needs: [],
  gold: true,
};

const rowAt = (split: string, place: number): TaskRow<unknown> => ({
  key: `${split}${place}`,
  task: place,
  problem: `${QUESTIONS[place]} ${QUESTIONS[place]} ${QUESTIONS[place]}`,
  gold: { content: answerTo(place), stop: "eos" },
});

const environment = Environment.of({
  manifest,
  encodeTask: (task) => task,
  tasks: (split) => ({ size: 3, get: (place) => Effect.succeed(rowAt(split, place)) }),
  open: ({ problem, task }) =>
    Effect.succeed({
      initial: [{ role: "user" as const, content: problem }],
      step: (action) =>
        Effect.sync(() => {
          const wanted = answerTo(task as number);
          const success = action.content === wanted;
          return {
            observation: [],
            status: "terminated" as const,
            reward: success ? 1 : 0,
            success,
            tests: [
              {
                id: "1",
                visibility: "public" as const,
                status: success ? ("passed" as const) : ("failed" as const),
                input: QUESTIONS[task as number]!,
                expected: wanted,
              },
            ],
            parse: "ok" as const,
          };
        }),
    }),
});

const use = { modelCalls: 0, generatedTokens: 0 };

/** Says what a failure's feedback says: which question has which answer. */
const reflector = Reflector.of({
  freeText: false,
  reflect: (failures) =>
    Effect.succeed({
      reflections: failures.map(({ problem, results }) => {
        const insight = `${problem.split(" ")[0]} is ${results[0]?.tests?.[0]?.expected}`;
        return { text: insight, insight, tags: [], parse: "ok" as const };
      }),
      use,
    }),
  credit: (successes) => Effect.succeed({ tags: successes.map(() => []), use }),
});

/** Writes down what it is told. */
const curator = Curator.of({
  curate: (items) =>
    Effect.succeed({
      proposals: items.map(({ reflection }) => ({
        operations: [{ _tag: "Add" as const, section: "OTHERS", text: reflection.insight ?? "" }],
        parse: "ok" as const,
        text: "",
      })),
      use,
    }),
});

/** A fresh world: its layer, and the events of what runs in it. */
export const makeLearningWorld = (
  options: { readonly seed?: number; readonly gold?: boolean } = {},
) => {
  const events: Array<RunEvent> = [];
  const layer = Layer.mergeAll(
    Layer.succeed(Environment, {
      ...environment,
      manifest: { ...manifest, gold: options.gold ?? true },
    }),
    Layer.sync(Policy, () => makeLinearPolicy({ words: WORDS, weights: firstWeights() })),
    Layer.succeed(Format, compactFormat),
    Layer.succeed(Reflector, reflector),
    Layer.succeed(Curator, curator),
    Layer.succeed(Playbook, makeWorldPlaybook({ log: [], batches: [], requests: [] })),
    Layer.succeed(Tracker, { event: (event) => Effect.sync(() => void events.push(event)) }),
    Layer.succeed(RunSeed, options.seed ?? 11),
  );
  return { events, layer };
};
