/**
 * A small world for the tests of this package: tasks ask for a word, the policy follows a script, and every part writes
 * down what it was asked, in one log. Prompts are those of the compact format, so they can be read in assertions.
 */
import {
  type Attempt,
  Curator,
  Environment,
  EnvironmentTaskError,
  type EnvironmentError,
  type GenerateRequest,
  Format,
  type HistoryLine,
  type Manifest,
  type Operation,
  Playbook,
  type PlaybookShape,
  Policy,
  type PolicyShape,
  type Prompt,
  type Reflection,
  Reflector,
  type ReplyParse,
  type Role,
  type RunEvent,
  RunSeed,
  type StepResult,
  type Tag,
  type TaskRow,
  Tracker,
  type TrainSample,
  type View,
  hashName,
} from "@resd/core";
import { Effect, Layer, Stream } from "effect";
import type { ResdConfig } from "./config.ts";
import { compactFormat } from "./format/compact.ts";
import { type PlaybookState, emptyState } from "./playbook/state.ts";
import { playbookOver } from "./playbook/store.ts";
import { presets } from "./presets.ts";

/** What the script is asked: the task's word, whose weights answer, and the text of the whole prompt. */
export interface Asked {
  readonly word: string;
  readonly as: Role;
  /** Updates of the policy so far. */
  readonly updates: number;
  readonly prompt: string;
  readonly request: GenerateRequest;
}

export interface WorldOptions {
  readonly train?: number;
  readonly heldOut?: number;
  readonly seed?: number;
  readonly maxContext?: number;
  /** Steps of an episode; the last one is graded. */
  readonly turns?: number;
  /** The answer's words. A trailing `…` means that it was cut by length. */
  readonly answer?: (asked: Asked) => string;
  /** Fails the `count`-th opening or step (from 1) at a task. */
  readonly failing?: (
    at: "get" | "open" | "step",
    key: string,
    count: number,
  ) => EnvironmentError | undefined;
  /** Replaces or delays the answer of the environment. */
  readonly onStep?: (result: StepResult, key: string, count: number) => Effect.Effect<StepResult>;
  readonly reflect?: (attempt: Attempt, view: View) => Reflection;
  readonly credit?: (attempt: Attempt, view: View) => ReadonlyArray<Tag>;
  readonly curate?: (
    attempt: Attempt,
    reflection: Reflection,
    view: View,
  ) => { readonly operations: ReadonlyArray<Operation>; readonly parse: ReplyParse };
  readonly capabilities?: Partial<PolicyShape["capabilities"]>;
  readonly manifest?: Partial<Manifest>;
  readonly freeText?: { readonly reflector?: boolean; readonly format?: boolean };
  readonly gradeGroup?: (last: ReadonlyArray<StepResult>) => ReadonlyArray<number>;
  /** Runs before an update of the policy, for instance to interrupt it. */
  readonly onUpdate?: (updates: number) => Effect.Effect<void>;
  /** Runs when an update has moved the policy, before it returns. */
  readonly onUpdated?: (updates: number) => Effect.Effect<void>;
  readonly keyOf?: (split: string, place: number) => string;
}

/** The configuration of most tests: the reference preset on batches of two. */
export const smallConfig = (changes: Partial<ResdConfig> = {}): ResdConfig => ({
  ...presets.kestrel,
  batchSize: 2,
  updatesPerBatch: 2,
  updates: 4,
  evaluation: { every: 100, tasks: "all", samples: 2, teacher: false },
  ...changes,
});

const END = "<end>";

export const makeWorld = (options: WorldOptions = {}) => {
  const log: Array<string> = [];
  const events: Array<RunEvent> = [];
  const batches: Array<ReadonlyArray<TrainSample>> = [];
  const requests: Array<GenerateRequest> = [];
  const counts = new Map<string, number>();
  const counted = (name: string): number => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts.get(name)!;
  };

  // Policy: a vocabulary that grows by use, and answers by script.
  const vocabulary = new Map<string, number>();
  const written: Array<string> = [];
  const idOf = (token: string): number => {
    if (!vocabulary.has(token)) {
      vocabulary.set(token, written.length);
      written.push(token);
    }
    return vocabulary.get(token)!;
  };
  const encode = (prompt: Prompt): Int32Array =>
    Int32Array.from(
      prompt.flatMap((segment) =>
        "text" in segment
          ? segment.text.split(/\s+/).filter((word) => word !== "")
          : [segment.control],
      ),
      idOf,
    );
  const textOf = (ids: Int32Array): string => [...ids].map((id) => written[id]).join(" ");
  const decode = (ids: Int32Array): string =>
    [...ids]
      .map((id) => written[id]!)
      .filter((token) => !token.startsWith("<"))
      .join(" ");
  const answer = options.answer ?? (({ word }) => word);
  let updates = 0;
  const policy = Policy.of({
    info: {
      model: "scripted",
      format: "compact",
      maxContext: options.maxContext ?? 200,
      vocabSize: 1000,
      parameters: 1,
      backend: "script",
    },
    capabilities: {
      objectives: ["bucket-kl", "sampled-kl", "policy-gradient"],
      topK: "full",
      teachers: ["ema", "frozen", "live"],
      rawLogProbs: true,
      gradClip: true,
      deterministic: true,
      ...options.capabilities,
    },
    encode: (prompt) => Effect.sync(() => encode(prompt)),
    decode,
    generate: (asked) =>
      Effect.sync(() => {
        log.push(`generate ${asked.length} as ${asked[0]?.as}`);
        requests.push(...asked);
        return asked.map((request) => {
          const prompt = textOf(request.prompt);
          const word = /say (\S+)/.exec(prompt)?.[1] ?? "";
          const said = answer({ word, as: request.as, updates, prompt, request });
          const cut = said.endsWith("…");
          const tokens = said
            .replace("…", "")
            .split(/\s+/)
            .filter((token) => token !== "");
          const whole = cut ? tokens : [...tokens, END];
          const kept = whole.slice(0, request.sampling.maxTokens);
          return {
            ids: Int32Array.from(kept, idOf),
            logProbs: Float32Array.from(kept, (_, i) => -1 / (i + 1)),
            stop: cut || kept.length < whole.length ? ("max_tokens" as const) : ("eos" as const),
            policyVersion: `v${updates}`,
          };
        });
      }),
    score: () => Effect.succeed([]),
    update: (batch, _objective, { lr }) =>
      Effect.gen(function* () {
        yield* options.onUpdate?.(updates) ?? Effect.void;
        log.push(`update ${batch.map((sample) => sample.signal).join(" ")}`);
        batches.push(batch);
        updates++;
        yield* options.onUpdated?.(updates) ?? Effect.void;
        const trained = batch.filter((sample) => !sample.signal.startsWith("none:"));
        return {
          loss: trained.length + lr,
          gradNorm: 1,
          teacherDrift: updates / 10,
          paramDeltaNorm: lr,
          logProbGap: 0,
          policyVersion: `v${updates}`,
          samples: trained.map((sample) => ({
            id: sample.id,
            loss: 1,
            tokens: sample.mask.reduce((sum, one) => sum + one, 0),
            divergence: 0.5,
            studentEntropy: 1,
            teacherEntropy: 0.5,
            clampedFraction: 0,
          })),
        };
      }),
    version: () => Effect.sync(() => `v${updates}`),
    save: () => Effect.void,
    load: () => Effect.void,
  });

  // Environment: "say w3"; the last answer has to be the word.
  const turns = options.turns ?? 1;
  const keyOf = options.keyOf ?? ((split, place) => `${split}${place}`);
  const manifest: Manifest = {
    apiVersion: "resd/1",
    id: "words",
    turns: turns === 1 ? "single" : "multi",
    reward: { min: 0, max: 1 },
    determinism: "pure",
    splits: {
      train: { size: "options", license: "Apache-2.0" },
      heldOut: { size: "options", license: "Apache-2.0" },
    },
    feedback: { tests: true, leakage: "partial", maxChars: 100 },
    needs: [],
    gold: false,
    ...options.manifest,
  };
  const environment = Environment.of({
    manifest,
    encodeTask: (task) => task,
    tasks: (split) => ({
      size: split === "train" ? (options.train ?? 4) : (options.heldOut ?? 2),
      get: (place) =>
        Effect.suspend(() => {
          const key = keyOf(split, place);
          const error = options.failing?.("get", key, counted(`get ${key}`));
          const row: TaskRow<unknown> = { key, task: place, problem: `say ${key}` };
          return error === undefined ? Effect.succeed(row) : Effect.fail(error);
        }),
    }),
    open: (row, context) =>
      Effect.gen(function* () {
        const error = options.failing?.("open", row.key, counted(`open ${row.key}`));
        if (error !== undefined) return yield* error;
        log.push(`open ${row.key} ${context.group.index}/${context.group.size}`);
        yield* Effect.addFinalizer(() => Effect.sync(() => log.push(`close ${row.key}`)));
        let steps = 0;
        return {
          initial: [{ role: "user" as const, content: `say ${row.key}` }],
          step: (action) =>
            Effect.suspend((): Effect.Effect<StepResult, EnvironmentError> => {
              const count = counted(`step ${row.key}`);
              const failure = options.failing?.("step", row.key, count);
              if (failure !== undefined) return Effect.fail(failure);
              log.push(`step ${row.key} ${action.content}`);
              steps++;
              const passed = action.content === row.key;
              const last = steps === turns;
              const result: StepResult = {
                observation: last ? [] : [{ role: "user", content: `heard ${action.content}` }],
                status: last ? "terminated" : "running",
                reward: last && passed ? 1 : 0,
                ...(last
                  ? {
                      success: passed,
                      tests: [
                        {
                          id: "1",
                          visibility: "public",
                          status: passed ? "passed" : "failed",
                          input: row.key,
                          actual: action.content,
                        },
                      ],
                    }
                  : {}),
                parse: action.content === "" ? "no_answer" : "ok",
              };
              return options.onStep?.(result, row.key, count) ?? Effect.succeed(result);
            }),
        };
      }),
    ...(options.gradeGroup === undefined
      ? {}
      : { gradeGroup: (last) => Effect.succeed(options.gradeGroup!(last)) }),
  });

  // The words.
  const texts = (view: View) => view.entries.map((entry) => entry.text).join(", ");
  const keys = (attempts: ReadonlyArray<Attempt>) =>
    attempts.map((attempt) => attempt.taskKey).join(" ");
  const reflect =
    options.reflect ??
    ((attempt): Reflection => ({
      text: `because ${attempt.taskKey}`,
      insight: `${attempt.taskKey} is itself`,
      tags: [],
      parse: "ok",
    }));
  const reflector = Reflector.of({
    freeText: options.freeText?.reflector ?? false,
    reflect: (failures, view, { update }) =>
      Effect.sync(() => {
        log.push(`reflect on ${keys(failures)} at ${update} reading [${texts(view)}]`);
        return {
          reflections: failures.map((attempt) => reflect(attempt, view)),
          use: { modelCalls: failures.length, generatedTokens: 3 * failures.length },
        };
      }),
    credit: (successes, view) =>
      Effect.sync(() => {
        const credits = view.entries.map((entry) => `${entry.helpful}-${entry.harmful}`);
        log.push(`credit ${keys(successes)} reading [${credits.join(", ")}]`);
        return {
          tags: successes.map((attempt) => options.credit?.(attempt, view) ?? []),
          use: { modelCalls: successes.length, generatedTokens: successes.length },
        };
      }),
  });
  const curate =
    options.curate ??
    ((attempt): { operations: ReadonlyArray<Operation>; parse: ReplyParse } => ({
      operations: [{ _tag: "Add", section: "OTHERS", text: `${attempt.taskKey} is itself` }],
      parse: "ok",
    }));
  const curator = Curator.of({
    curate: (items, view) =>
      Effect.sync(() => {
        log.push(`curate ${keys(items.map((item) => item.attempt))} reading [${texts(view)}]`);
        return {
          proposals: items.map(({ attempt, reflection }) => ({
            ...curate(attempt, reflection, view),
            text: "curated",
          })),
          use: { modelCalls: items.length, generatedTokens: 2 * items.length },
        };
      }),
  });

  const states = new Map<string, PlaybookState>();
  const histories = new Map<string, Array<HistoryLine>>();
  const stored = playbookOver({
    read: (key) => Effect.sync(() => states.get(key) ?? emptyState),
    write: (key, cause, transition) =>
      Effect.sync(() => {
        const result = transition(states.get(key) ?? emptyState);
        states.set(key, result.state);
        const lines = histories.get(key) ?? [];
        lines.push(...result.changes.map((change) => ({ key, cause, change })));
        histories.set(key, lines);
        return result;
      }),
    history: (key) => Stream.fromIterable([...(histories.get(key) ?? [])]),
    readAll: Effect.sync(() => states),
    replaceAll: (playbooks) =>
      Effect.sync(() => {
        states.clear();
        for (const [key, state] of playbooks) states.set(key, state);
      }),
  });
  const logged = <A, E>(line: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      log.push(line);
      return effect;
    });
  const playbook: PlaybookShape = {
    ...stored,
    apply: (key, operations, cause) =>
      logged(
        `apply ${operations.map((operation) => operation._tag).join(" ")} to ${key}`,
        stored.apply(key, operations, cause),
      ),
    tag: (key, tags, cause) =>
      logged(
        `tag ${tags.map((tag) => `${tag.entry} ${tag.sign}`).join(", ")}`,
        stored.tag(key, tags, cause),
      ),
    concise: (key, rule, seed, cause) =>
      logged(
        `concise ${key} ${rule.method}${rule.cap === undefined ? "" : ` to ${rule.cap}`}`,
        stored.concise(key, rule, seed, cause),
      ),
    advance: (key, cause) => logged(`advance ${key}`, stored.advance(key, cause)),
  };

  const layer = Layer.mergeAll(
    Layer.succeed(Environment, environment),
    Layer.succeed(Policy, policy),
    Layer.succeed(Format, {
      ...compactFormat,
      freeText: options.freeText?.format ?? compactFormat.freeText,
    }),
    Layer.succeed(Reflector, reflector),
    Layer.succeed(Curator, curator),
    Layer.succeed(Playbook, playbook),
    Layer.succeed(Tracker, { event: (event) => Effect.sync(() => void events.push(event)) }),
    Layer.succeed(RunSeed, options.seed ?? 7),
  );
  return { log, events, batches, requests, textOf, encode, playbook, layer };
};

/** An attempt without tokens, for tests of what is made of attempts. */
export const attemptAt = (taskKey: string, changes: Partial<Attempt> = {}): Attempt => {
  const sample = changes.sample ?? 0;
  const success = changes.success ?? false;
  return {
    id: hashName("attempt", taskKey, sample),
    taskKey,
    problem: `say ${taskKey}`,
    sample,
    initial: [{ role: "user", content: `say ${taskKey}` }],
    actions: [{ content: `${taskKey}-${sample}`, stop: "eos" }],
    results: [
      { observation: [], status: "terminated", reward: success ? 1 : 0, success, parse: "ok" },
    ],
    ids: new Int32Array(),
    from: 0,
    mask: new Uint8Array(),
    logProbs: new Float32Array(),
    reward: success ? 1 : 0,
    success,
    fraction: success ? 1 : 0,
    truncated: false,
    policyVersion: "v0",
    ...changes,
  };
};

/** The data's fault at a task. */
export const brokenTask = (taskKey: string): EnvironmentTaskError =>
  new EnvironmentTaskError({ message: `Task ${taskKey} is broken`, taskKey });
