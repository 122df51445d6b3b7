/** A policy that says what a test tells it to, and remembers what it was asked and taught. */
import {
  type GenerateRequest,
  type Generation,
  hashName,
  type Ids,
  type Objective,
  Policy,
  PolicyError,
  type PolicyShape,
  type Prompt,
  type Role,
  type Stop,
  type TrainSample,
} from "@resd/core";
import { Effect, Layer } from "effect";

/** One request as the script sees it. */
export interface ScriptedRequest {
  readonly request: GenerateRequest;
  /** The prompt with its control tokens spelled out: `<task> 10: square <prog>`. */
  readonly prompt: string;
  /** The prompt's text alone. */
  readonly text: string;
  readonly as: Role;
  /** Updates that came before. */
  readonly updates: number;
}

/** The script, and what the policy claims to be. */
export interface ScriptedPolicyOptions {
  /** The reply to a prompt; its end-of-sequence token is added. */
  readonly replies: (asked: ScriptedRequest) => string;
  /** The control token that ends a reply. */
  readonly end?: string;
  readonly info?: Partial<PolicyShape["info"]>;
  readonly capabilities?: Partial<PolicyShape["capabilities"]>;
}

/** One call of `update`, as it was made. */
export interface ScriptedUpdate {
  readonly batch: ReadonlyArray<TrainSample>;
  readonly objective: Objective;
  readonly step: { readonly lr: number; readonly clipNorm?: number };
}

/** A policy that remembers what it was asked. */
export interface ScriptedPolicy extends PolicyShape {
  /** Every request so far, in order. */
  readonly requests: () => ReadonlyArray<ScriptedRequest>;
  readonly updates: () => ReadonlyArray<ScriptedUpdate>;
  /** How often each operation was called. */
  readonly calls: () => Readonly<Record<"generate" | "score" | "update" | "save" | "load", number>>;
}

/** Ids below are bytes of UTF-8, ids from here on control tokens in order of their first use. */
const FIRST_CONTROL = 256;

/** A vocabulary in which every text and every control token has ids. */
const makeVocabulary = () => {
  const controls: Array<string> = [];
  const controlId = (name: string): number => {
    const known = controls.indexOf(name);
    return FIRST_CONTROL + (known >= 0 ? known : controls.push(name) - 1);
  };
  const encode = (prompt: Prompt): Ids =>
    Int32Array.from(
      prompt.flatMap((segment) =>
        "text" in segment
          ? [...new TextEncoder().encode(segment.text)]
          : controlId(segment.control),
      ),
    );
  const decode = (ids: Ids): string =>
    new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < FIRST_CONTROL)));
  /** Text with control tokens spelled out. */
  const spell = (ids: Ids): string => {
    const spelled = Array.from(ids, (id) =>
      id < FIRST_CONTROL ? [id] : [...new TextEncoder().encode(controls[id - FIRST_CONTROL])],
    );
    return new TextDecoder().decode(Uint8Array.from(spelled.flat()));
  };
  return { controlId, encode, decode, spell };
};

/** A log-prob that depends on the token alone, so that scoring agrees with sampling. */
const logProbOf = (id: number): number => -(1 + (id % 7)) / 8;

const suffixesAgree = ({ student, teacher }: TrainSample): boolean => {
  if (teacher === undefined) return true;
  const theirs = teacher.ids.subarray(teacher.from);
  const ours = student.ids.subarray(student.from);
  return ours.length === theirs.length && ours.every((id, at) => id === theirs[at]);
};

/** What a policy must refuse in a batch, as a message; undefined when all is well. */
const findFault = (batch: ReadonlyArray<TrainSample>): string | undefined => {
  for (const sample of batch) {
    const suffix = sample.student.ids.length - sample.student.from;
    if (sample.mask.length !== suffix || sample.behaviour.length !== suffix) {
      return `Expected ${suffix} mask and behaviour values, got ${sample.mask.length} and ${sample.behaviour.length}, at sample ${sample.id}`;
    }
    if (!suffixesAgree(sample)) {
      return `Expected student and teacher to end in the same tokens, got different suffixes, at sample ${sample.id}`;
    }
  }
  return undefined;
};

/** The reply as a sampler would have given it: cut at a stop string, ended, cut at the limit. */
const sampleReply = (
  reply: string,
  { sampling }: GenerateRequest,
  vocabulary: ReturnType<typeof makeVocabulary>,
  end: string,
): { readonly ids: Ids; readonly stop: Stop } => {
  const stops = sampling.stop
    .map((stop) => [reply.indexOf(stop), stop.length] as const)
    .filter(([at]) => at >= 0)
    .toSorted(([a], [b]) => a - b);
  const [first] = stops;
  const ids =
    first === undefined
      ? vocabulary.encode([{ text: reply }, { control: end }])
      : vocabulary.encode([{ text: reply.slice(0, first[0] + first[1]) }]);
  if (ids.length > sampling.maxTokens) {
    return { ids: ids.slice(0, sampling.maxTokens), stop: "max_tokens" };
  }
  return { ids, stop: first === undefined ? "eos" : "stop_string" };
};

/**
 * A policy over a script. Ids and log-probs depend on texts alone; each update changes the student's version, the
 * teacher keeps its own.
 */
export const makeScriptedPolicy = (options: ScriptedPolicyOptions): ScriptedPolicy => {
  const vocabulary = makeVocabulary();
  const end = options.end ?? "<end>";
  const requests: Array<ScriptedRequest> = [];
  const updates: Array<ScriptedUpdate> = [];
  const calls = { generate: 0, score: 0, update: 0, save: 0, load: 0 };
  const versionOf = (as: Role): string =>
    hashName("scripted", as === "teacher" ? 0 : updates.length);

  const answer = (request: GenerateRequest): Generation => {
    const asked: ScriptedRequest = {
      request,
      prompt: vocabulary.spell(request.prompt),
      text: vocabulary.decode(request.prompt),
      as: request.as,
      updates: updates.length,
    };
    requests.push(asked);
    const { ids, stop } = sampleReply(options.replies(asked), request, vocabulary, end);
    const logProbs = Float32Array.from(ids, logProbOf);
    return { ids, logProbs, stop, policyVersion: versionOf(request.as) };
  };

  const update: PolicyShape["update"] = (batch, objective, step) =>
    Effect.suspend(() => {
      calls.update++;
      const fault = findFault(batch);
      if (fault !== undefined) {
        return Effect.fail(new PolicyError({ reason: "bad-request", message: fault }));
      }
      updates.push({ batch, objective, step });
      return Effect.succeed({
        loss: 1 / updates.length,
        gradNorm: 1,
        teacherDrift: updates.length,
        paramDeltaNorm: step.lr,
        logProbGap: 0,
        policyVersion: versionOf("student"),
        samples: batch.map(({ id, mask }) => ({
          id,
          loss: 1 / updates.length,
          tokens: mask.reduce((sum, one) => sum + one, 0),
          divergence: 0.5,
          studentEntropy: 1,
          teacherEntropy: 0.5,
          clampedFraction: 0,
        })),
      });
    });

  return {
    info: {
      model: "scripted",
      format: "compact",
      maxContext: 1_000_000,
      vocabSize: 100_000,
      parameters: 0,
      backend: "script",
      ...options.info,
    },
    capabilities: {
      objectives: ["bucket-kl", "sampled-kl", "policy-gradient", "cross-entropy"],
      topK: "full",
      teachers: ["frozen", "ema", "live", "trust-region", "hard-sync"],
      rawLogProbs: true,
      gradClip: true,
      deterministic: true,
      ...options.capabilities,
    },
    encode: (prompt) => Effect.sync(() => vocabulary.encode(prompt)),
    decode: vocabulary.decode,
    generate: (batch) =>
      Effect.sync(() => {
        calls.generate++;
        return batch.map(answer);
      }),
    score: (items) =>
      Effect.sync(() => {
        calls.score++;
        return items.map(({ ids, from }) => ({
          logProbs: Float32Array.from(ids.subarray(from), logProbOf),
        }));
      }),
    update,
    version: (as) => Effect.sync(() => versionOf(as)),
    save: () => Effect.sync(() => void calls.save++),
    load: () => Effect.sync(() => void calls.load++),
    requests: () => requests,
    updates: () => updates,
    calls: () => ({ ...calls }),
  };
};

/** The scripted policy as the Policy of a test. Keep `makeScriptedPolicy`'s value where the test looks into it. */
export const scriptedPolicy = (options: ScriptedPolicyOptions): Layer.Layer<Policy> =>
  Layer.sync(Policy, () => makeScriptedPolicy(options));
