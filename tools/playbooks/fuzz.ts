/** Updates of a playbook by a reflector and a curator whose model says anything at all. */
import {
  type Attempt,
  type Entry,
  Format,
  type GenerateRequest,
  Playbook,
  Policy,
  type PolicyShape,
  RunSeed,
  type View,
  makeRandom,
} from "@resd/core";
import { layer as curatorSelf } from "@resd/curator-self";
import { layer as memory } from "@resd/playbook-memory";
import { layer as reflectorSelf } from "@resd/reflector-self";
import {
  type ChatTemplate,
  type ResdConfig,
  chatFormat,
  compactFormat,
  inSilence,
  parsePlaybook,
  presets,
  renderPlaybook,
  updateContext,
} from "@resd/resd";
import { attemptOf, makeScriptedPolicy } from "@resd/testing";
import { Context, Effect, Layer, Logger, Schema } from "effect";
import { type Surroundings, hostileReply, hostileText } from "./hostile.ts";

/** A playbook that a reply has broken. */
export class BrokenPlaybookError extends Schema.TaggedError<BrokenPlaybookError>()(
  "BrokenPlaybookError",
  { message: Schema.String },
) {}

export interface FuzzOptions {
  readonly replies: number;
  readonly seed: number;
}

/** What came of all replies. */
export interface Fuzzed {
  readonly replies: number;
  readonly updates: number;
  /** Replies by purpose and by how they could be read, such as `reflect ok`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Entries that were ever made, and the most that there were at once. */
  readonly entries: number;
  readonly largest: number;
}

const template: ChatTemplate = (messages, { reply }) => [
  ...messages.flatMap(({ role, content }) => [{ control: `<${role}>` }, { text: content }]),
  ...(reply ? [{ control: "<assistant>" }] : []),
];
const FORMATS = [
  chatFormat(template, { operations: ["Add", "Update", "Merge", "Delete"] }),
  compactFormat,
];

/** Everything that a curator may do is let through, and the playbook is kept short. */
const config: ResdConfig = {
  ...presets.kestrel,
  operations: ["Add", "Update", "Merge", "Delete"],
  nearDuplicates: { threshold: 0.8 },
  concise: { method: "staleness", every: 16, cap: 24, window: 60, afterCuration: true },
};

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

const plain = ({
  id,
  section,
  text,
  helpful,
  harmful,
}: Omit<Entry, "createdAt" | "lastTaggedAt">) =>
  JSON.stringify([id, section, text, helpful, harmful]);

/** What is wrong with a playbook, or undefined. `seen` are the ids that were ever there. */
const faultOf = (view: View, before: ReadonlySet<string>, seen: ReadonlySet<string>) => {
  const ids = new Set(view.entries.map(({ id }) => id));
  if (ids.size < view.entries.length) return "an id twice";
  for (const { id, helpful, harmful, origins = [], lastTaggedAt, createdAt } of view.entries) {
    if (!before.has(id) && seen.has(id)) return `the id ${id} a second time`;
    if (!isCount(helpful) || !isCount(harmful)) return `counts of ${id} below 0`;
    if (!isCount(createdAt) || !isCount(lastTaggedAt)) return `times of ${id} below 0`;
    if (origins.length === 0) return `no provenance of ${id}`;
  }
  const read = parsePlaybook(renderPlaybook(view.entries));
  return read.map(plain).join("\n") === view.entries.map(plain).join("\n")
    ? undefined
    : "a text form that reads back as something else";
};

/** Asks one hostile model after another, and looks at the playbook after each of its replies. */
export const fuzz = Effect.fnUntraced(
  function* ({ replies: wanted, seed }: FuzzOptions) {
    const random = makeRandom("fuzz", seed);
    const outcomes: Record<string, number> = {};
    const seen = new Set<string>();
    let before = new Set<string>();
    const count = { replies: 0 };
    let largest = 0;
    let said: Array<string> = [];
    let prompts: Array<string> = [];
    const surroundings = (prompt: string): Surroundings => ({
      prompt,
      ids: [...before, "misc-99999", "sai-00001", "__proto__", "", ...[...seen].slice(-3)],
    });

    const scripted = makeScriptedPolicy({ replies: () => "" });
    const policyOf = (format: "chat" | "compact", maxContext: number): PolicyShape => ({
      ...scripted,
      info: { ...scripted.info, format, maxContext },
      // One token for four characters; a reply is one token that names it.
      encode: (prompt) =>
        Effect.sync(() => {
          const text = prompt
            .map((segment) => ("text" in segment ? segment.text : segment.control))
            .join("");
          prompts = [text];
          return new Int32Array(Math.ceil(text.length / 4));
        }),
      decode: (ids) => said[ids[0] ?? 0] ?? "",
      generate: (requests: ReadonlyArray<GenerateRequest>) =>
        Effect.sync(() =>
          requests.map(() => {
            count.replies++;
            const cut = random.next() < 0.05;
            const ids = Int32Array.of(
              said.push(hostileReply(random, surroundings(prompts[0] ?? ""))) - 1,
            );
            return {
              ids,
              logProbs: new Float32Array(1),
              stop: cut ? ("max_tokens" as const) : ("eos" as const),
              policyVersion: "0",
            };
          }),
        ),
    });

    const playbook = Context.get(yield* Layer.build(memory({})), Playbook);
    let update = 0;
    for (; count.replies < wanted; update++) {
      said = [];
      const around = surroundings("");
      const success = random.next() < 0.3;
      const attempt: Attempt = attemptOf({
        id: `attempt-${update}`,
        problem: hostileText(random, around),
        answer: hostileText(random, around),
        results: [
          {
            success,
            tests: [
              {
                id: "1",
                visibility: "public",
                status: success ? "passed" : "failed",
                actual: hostileText(random, around),
              },
            ],
            feedback: {
              leakage: "none",
              parts: [{ kind: "hint", text: hostileText(random, around) }],
            },
          },
        ],
      });
      const format = FORMATS[random.next() < 0.85 ? 0 : 1]!;
      const policy = policyOf(format.freeText ? "chat" : "compact", random.pick([1500, 20_000]));
      const words = Layer.mergeAll(
        reflectorSelf({ maxTokens: 500 }),
        curatorSelf({ maxTokens: 500 }),
      ).pipe(Layer.provide([Layer.succeed(Policy, policy), Layer.succeed(Format, format)]));
      const counted = count.replies;
      const result = yield* updateContext([attempt], config, seed, { update }, inSilence).pipe(
        Effect.provide(words),
        Effect.provideService(Playbook, playbook),
        Effect.provideService(RunSeed, seed),
      );
      for (const { parse } of result.reflections.values()) {
        outcomes[`reflect ${parse}`] = (outcomes[`reflect ${parse}`] ?? 0) + 1;
      }
      for (const parse of result.credits ?? []) {
        outcomes[`credit ${parse}`] = (outcomes[`credit ${parse}`] ?? 0) + 1;
      }
      for (const { parse } of result.curations.values()) {
        outcomes[`curate ${parse}`] = (outcomes[`curate ${parse}`] ?? 0) + 1;
      }
      const view = yield* playbook.view("global");
      const fault = faultOf(view, before, seen);
      if (fault !== undefined) {
        return yield* new BrokenPlaybookError({
          message: `Expected a sound playbook, got ${fault}, at reply ${counted} to ${count.replies} of seed ${seed}: ${said.map((text) => text.slice(0, 300)).join("\n")}`,
        });
      }
      before = new Set(view.entries.map(({ id }) => id));
      for (const id of before) seen.add(id);
      largest = Math.max(largest, view.entries.length);
    }
    return {
      replies: count.replies,
      updates: update,
      outcomes,
      entries: seen.size,
      largest,
    } satisfies Fuzzed;
    // What a prompt had to go without is logged, which here is nearly always something.
  },
  Effect.scoped,
  Effect.provide(Logger.layer([])),
);
