/**
 * A policy that really learns, in milliseconds: a linear softmax over the last word and over all words so far, with plain
 * gradient descent. Small enough to check by hand, and complete: every operation of the seam does what it says.
 */
import {
  distillOf,
  type GenerateRequest,
  type Generation,
  hashName,
  makeRandom,
  type Objective,
  Policy,
  PolicyError,
  type PolicyShape,
  type Role,
  type SampleReport,
  type ScoreRequest,
  type Stop,
  type TrainSample,
  type UpdateReport,
} from "@resd/core";
import { needsReadings, planLosses, type SamplePlan, unmetNeeds } from "@resd/objectives";
import { sampleRow } from "@resd/tensor";
import { Effect, Layer } from "effect";
import { features, logitsOf, logSoftmaxRows } from "./linear/features.ts";
import { type LinearWeights, partsOf, readSamples, runMicroBatch } from "./linear/micro_batch.ts";
import { difference, faultOf, mean, nextTeacher, reportOf, teacherRule } from "./linear/step.ts";
import { END, makeVocabulary } from "./linear/vocabulary.ts";

/** All that a policy is. */
export interface LinearState extends LinearWeights {
  /** Updates that were not skipped. */
  readonly updates: number;
}

/** Size and sampling of the linear policy. */
export interface LinearPolicyOptions {
  /** Words of the vocabulary; those in angle brackets are control tokens. `<unk>` and `<end>` are there anyway. */
  readonly words: ReadonlyArray<string>;
  /** Names the first weights. */
  readonly seed?: number;
  /** The first weights [2V,V] themselves: of the last word, then of the mean of all words; V counts all words. */
  readonly weights?: Float64Array;
  /** Samples per micro-batch; all at once if absent. */
  readonly microBatch?: number;
  readonly maxContext?: number;
  /** Where `save` writes: policies that share it load from each other. */
  readonly disk?: Map<string, LinearState>;
}

const refuse = (reason: PolicyError["reason"], message: string) =>
  Effect.fail(new PolicyError({ reason, message }));

const capabilities: PolicyShape["capabilities"] = {
  objectives: [
    "bucket-kl",
    "sampled-kl",
    "policy-gradient",
    "cross-entropy",
    "mixture",
    "token-weights",
    "targets",
  ],
  topK: "full",
  teachers: ["frozen", "ema", "live", "hard-sync"],
  rawLogProbs: true,
  gradClip: true,
  deterministic: true,
};

/** A fresh policy. The same options give the same weights. */
export const makeLinearPolicy = (options: LinearPolicyOptions): PolicyShape => {
  const { encode, decode, size: V } = makeVocabulary(options.words);
  const { maxContext = 64, disk = new Map<string, LinearState>() } = options;
  const random = makeRandom("linear-policy", options.seed ?? 0);
  const first =
    options.weights?.slice() ?? Float64Array.from({ length: 2 * V * V }, () => random.normal());
  let state: LinearState = { student: first, teacher: first, updates: 0 };
  const versionOf = (as: Role): string => hashName("linear", state[as].join());

  const answer = (request: GenerateRequest): Generation => {
    const { prompt, seed, sampling, as } = request;
    const draws = makeRandom(seed);
    const ids: Array<number> = [];
    const logProbs: Array<number> = [];
    let stop: Stop | undefined;
    while (stop === undefined) {
      const sequence = Int32Array.of(...prompt, ...ids, END);
      const row = logitsOf(features(sequence, sequence.length - 1, V), state[as], V);
      const { temperature, topP, topK } = sampling;
      const drawn = sampleRow(row, { uniform: draws.next(), temperature, topP, topK });
      ids.push(drawn.id);
      logProbs.push(drawn.logProb);
      const text = decode(Int32Array.from(ids));
      if (drawn.id === END) stop = "eos";
      else if (sampling.stop.some((wanted) => text.includes(wanted))) stop = "stop_string";
      else if (ids.length === sampling.maxTokens) stop = "max_tokens";
      else if (prompt.length + ids.length === maxContext) stop = "max_tokens";
    }
    return {
      ids: Int32Array.from(ids),
      logProbs: Float32Array.from(logProbs),
      stop,
      policyVersion: versionOf(as),
    };
  };

  const score = ({ ids, from, as, topK = 0 }: ScoreRequest) => {
    const all = logSoftmaxRows(logitsOf(features(ids, from, V), state[as], V), V);
    const rows = Array.from({ length: ids.length - from }, (_, i) =>
      all.subarray(i * V, (i + 1) * V),
    );
    const logProbs = Float32Array.from(rows, (row, i) => row[ids[from + i] as number] as number);
    if (topK === 0) return { logProbs };
    const best = rows.map((row) =>
      Array.from(row, (x, id) => [x, id] as const)
        .toSorted(([a], [b]) => b - a)
        .slice(0, topK),
    );
    return {
      logProbs,
      top: {
        ids: Int32Array.from(best.flatMap((row) => row.map(([, id]) => id))),
        logProbs: Float32Array.from(best.flatMap((row) => row.map(([x]) => x))),
      },
    };
  };

  /** Everything about an update but the step itself. */
  const measure = (batch: ReadonlyArray<TrainSample>, objective: Objective) => {
    const rule = teacherRule(objective);
    const weights = {
      student: state.student,
      teacher: rule._tag === "live" ? state.student : state.teacher,
    };
    const readings = needsReadings(objective) ? readSamples(batch, objective, weights, V) : [];
    const plans = planLosses(
      objective,
      batch.map(({ teacher, ...sample }) => ({ ...sample, taught: teacher !== undefined })),
      { update: state.updates, horizon: maxContext },
      readings,
    );
    const gradient = new Float64Array(2 * V * V);
    const samples: Array<SampleReport> = [];
    const gaps: Array<number> = [];
    let loss = 0;
    const chunk = options.microBatch ?? Math.max(1, batch.length);
    for (let start = 0; start < batch.length; start += chunk) {
      const part = batch.slice(start, start + chunk);
      const planned = plans.slice(start, start + chunk);
      const result = runMicroBatch(part, planned, objective, weights, V);
      loss += result.loss;
      result.gradient.forEach((g, i) => (gradient[i] = (gradient[i] as number) + g));
      let at = 0;
      for (const [i, sample] of part.entries()) {
        const plan = planned[i] as SamplePlan;
        const counts = partsOf(objective, plan);
        samples.push(reportOf(sample, plan, counts, result.perToken, at));
        plan.mask.forEach((trained, t) => {
          if (trained === 0) return;
          const now = result.perToken.logProb?.[at + t] as number;
          gaps.push(Math.abs(now - (sample.behaviour[t] as number)));
        });
        at += plan.mask.length;
      }
    }
    return { loss, gradient, samples, logProbGap: mean(gaps) };
  };

  const update = (
    batch: ReadonlyArray<TrainSample>,
    objective: Objective,
    { lr, clipNorm = Infinity }: { readonly lr: number; readonly clipNorm?: number },
  ): UpdateReport => {
    const { gradient, ...measured } = measure(batch, objective);
    const gradNorm = Math.hypot(...gradient);
    const drift = () => Math.hypot(...difference(state.teacher, state.student));
    if (!Number.isFinite(gradNorm)) {
      return {
        ...measured,
        gradNorm,
        skipped: `gradient norm ${gradNorm}`,
        teacherDrift: drift(),
        paramDeltaNorm: 0,
        policyVersion: versionOf("student"),
      };
    }
    const scale = lr * Math.min(1, clipNorm / Math.max(gradNorm, Number.MIN_VALUE));
    const before = state.student;
    const student = before.map((x, i) => x - scale * (gradient[i] as number));
    const updates = state.updates + 1;
    const rule = distillOf(objective)?.teacher ?? ({ _tag: "frozen" } as const);
    state = { student, teacher: nextTeacher(rule, state.teacher, student, updates), updates };
    return {
      ...measured,
      gradNorm,
      teacherDrift: drift(),
      paramDeltaNorm: Math.hypot(...difference(student, before)),
      policyVersion: versionOf("student"),
    };
  };

  return {
    info: {
      model: "linear",
      format: "compact",
      maxContext,
      vocabSize: V,
      parameters: 2 * V * V,
      backend: "interpreter",
    },
    capabilities,
    encode: (prompt) => Effect.sync(() => encode(prompt)),
    decode,
    generate: (requests) =>
      Effect.suspend(() => {
        const full = requests.find(({ prompt }) => prompt.length >= maxContext);
        return full === undefined
          ? Effect.succeed(requests.map(answer))
          : refuse(
              "context-overflow",
              `Expected a prompt of less than ${maxContext} tokens, got ${full.prompt.length}, at request ${full.id}; shorten it`,
            );
      }),
    score: (items) =>
      Effect.suspend(() => {
        const wrong = items.find(
          ({ ids, from }) => !Number.isInteger(from) || from < 1 || from > ids.length,
        );
        return wrong === undefined
          ? Effect.succeed(items.map(score))
          : refuse(
              "bad-request",
              `Expected 1 ≤ from ≤ ${wrong.ids.length}, got ${wrong.from}, at score; the first token has nothing before it`,
            );
      }),
    update: (batch, objective, step) =>
      Effect.suspend(() => {
        const unmet = unmetNeeds(objective, capabilities);
        if (unmet.length > 0) return refuse("unsupported", `This objective ${unmet.join("; ")}`);
        const fault = batch.map(faultOf).find((found) => found !== undefined);
        if (fault !== undefined) return refuse("bad-request", fault);
        return Effect.try({
          try: () => update(batch, objective, step),
          catch: (cause) =>
            new PolicyError({
              reason: "bad-request",
              message: cause instanceof Error ? cause.message : String(cause),
            }),
        });
      }),
    version: (as) => Effect.sync(() => versionOf(as)),
    save: (folder, what) =>
      Effect.sync(() => {
        const { student } = state;
        disk.set(folder, what === "all" ? state : { student, teacher: student, updates: 0 });
      }),
    load: (folder) =>
      Effect.suspend(() => {
        const found = disk.get(folder);
        if (found === undefined) {
          return refuse("model-files", `Expected a saved policy, got nothing, at ${folder}`);
        }
        state = found;
        return Effect.void;
      }),
  };
};

/** The linear policy as the Policy of a test. */
export const linearPolicy = (options: LinearPolicyOptions): Layer.Layer<Policy> =>
  Layer.sync(Policy, () => makeLinearPolicy(options));
