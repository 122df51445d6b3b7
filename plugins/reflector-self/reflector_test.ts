import { assert, describe, it } from "@effect/vitest";
import {
  type Entry,
  Format,
  Policy,
  PolicyError,
  type PromptFormat,
  Reflector,
  type ReflectorShape,
  RunSeed,
  type View,
} from "@resd/core";
import { type ChatTemplate, chatFormat, compactFormat } from "@resd/resd";
import {
  type ScriptedPolicy,
  type ScriptedPolicyOptions,
  attemptOf,
  makeScriptedPolicy,
  reflectorLaws,
} from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect, Layer } from "effect";
import { type Options, layer } from "./mod.ts";

const template: ChatTemplate = (messages, { reply }) => [
  ...messages.flatMap(({ role, content }) => [
    { control: `<${role}>` },
    { text: content },
    { control: "<end>" },
  ]),
  ...(reply ? [{ control: "<assistant>" }] : []),
];

const view: View = {
  version: 1,
  updateCount: 1,
  entries: ["square is PEF", "screen is FIG"].map((text, i): Entry => ({
    id: `sai-0000${i + 1}`,
    section: "STRATEGIES & INSIGHTS",
    text,
    helpful: i,
    harmful: 0,
    createdAt: 0,
    lastTaggedAt: 0,
  })),
};
const problem = "10: square 20: screen";
const failures = ["a", "b"].map((id) =>
  attemptOf({ id, problem, answer: `10: square PEF 20: screen FIG ${id}` }),
);
const diagnosis =
  "10: square PEF 4 8 did double bad 20: screen FIG did screen ok insight double is PEF";
const pass = "10: square PEF ok 20: screen FIG ok insight none";

type Encoded = typeof Options.Encoded;
const ask = <A, E>(
  policy: ScriptedPolicy,
  use: (reflector: ReflectorShape) => Effect.Effect<A, E>,
  options: Encoded = { maxTokens: 4000 },
  format: PromptFormat = compactFormat,
) =>
  Effect.flatMap(Reflector, use).pipe(
    Effect.provide(
      layer(options).pipe(
        Layer.provide([Layer.succeed(Policy, policy), Layer.succeed(Format, format)]),
      ),
    ),
  );
const answering = (reply: string, options: Partial<ScriptedPolicyOptions> = {}) =>
  makeScriptedPolicy({ replies: () => reply, ...options });
const chatting = (reply: string) =>
  answering(reply, { info: { format: "chat", maxContext: 60_000 } });

describe("reflector-self", () => {
  const replies = (text: string) => (text.includes("FIG a") ? diagnosis : pass);
  registerLaws(
    reflectorLaws(
      layer({ maxTokens: 4000 }).pipe(
        Layer.provide([
          Layer.sync(Policy, () =>
            makeScriptedPolicy({
              replies: ({ text }) => replies(text),
              info: { maxContext: 60_000 },
            }),
          ),
          Layer.succeed(Format, compactFormat),
        ]),
      ),
      { failures, view },
    ),
  );

  it.effect("reflect() asks about all failures in one generation, with options and seeds", () =>
    Effect.gen(function* () {
      const policy = answering(diagnosis);
      const run = (update: number) =>
        ask(policy, (reflector) => reflector.reflect(failures, view, { update }), {
          maxTokens: 4000,
          temperature: 0.7,
          topP: 0.9,
          as: "teacher",
        }).pipe(Effect.provideService(RunSeed, 11));
      const { reflections, use } = yield* run(3);
      assert.strictEqual(policy.calls().generate, 1);
      assert.deepStrictEqual(reflections[0], {
        text: diagnosis,
        insight: "double is PEF",
        tags: [
          { entry: "sai-00001", sign: "harmful" },
          { entry: "sai-00002", sign: "helpful" },
        ],
        parse: "ok",
      });
      assert.deepStrictEqual(use, {
        modelCalls: 2,
        generatedTokens: 2 * (diagnosis.length + 1),
      });
      const requests = policy.requests().map(({ request }) => request);
      assert.deepStrictEqual(requests[0]?.sampling, {
        temperature: 0.7,
        topP: 0.9,
        topK: 0,
        maxTokens: 4000,
        stop: [],
      });
      assert.deepStrictEqual(
        requests.map(({ as }) => as),
        ["teacher", "teacher"],
      );
      yield* run(3);
      yield* run(4);
      const seeds = policy.requests().map(({ request }) => request.seed);
      assert.deepStrictEqual(seeds.slice(2, 4), seeds.slice(0, 2));
      assert.strictEqual(new Set(seeds).size, 4);
    }),
  );

  it.effect("credit() asks with the prompt of a success and draws seeds of its own", () =>
    Effect.gen(function* () {
      const policy = answering(pass);
      const { tags } = yield* ask(policy, (reflector) =>
        Effect.andThen(
          reflector.reflect(failures, view, { update: 0 }),
          reflector.credit(failures, view, { update: 0 }),
        ),
      );
      assert.deepStrictEqual(tags[1], [
        { entry: "sai-00001", sign: "helpful" },
        { entry: "sai-00002", sign: "helpful" },
      ]);
      const asked = policy.requests();
      assert.include(asked[2]?.prompt, "<fb>pass<ref>");
      assert.strictEqual(new Set(asked.map(({ request }) => request.seed)).size, 4);
    }),
  );

  it.effect(
    "reflect() drops whole entries from prompts that are too long, and the rest stays",
    () =>
      Effect.gen(function* () {
        const policy = answering(diagnosis, { info: { maxContext: 175 } });
        const options = { maxTokens: 100 };
        const { reflections } = yield* ask(
          policy,
          (reflector) => reflector.reflect(failures, view, { update: 0 }),
          options,
        );
        const [asked] = policy.requests();
        assert.include(asked?.prompt, "<pb>screen is FIG<try>10: square PEF 20: screen FIG a<fb>");
        assert.strictEqual(reflections[0]?.parse, "ok");
      }),
  );

  it.effect("reflect() leaves out an attempt that fits nowhere, and asks about the others", () =>
    Effect.gen(function* () {
      const policy = answering(diagnosis, { info: { maxContext: 300 } });
      const long = attemptOf({ id: "long", problem, answer: "x ".repeat(500) });
      const { reflections, use } = yield* ask(
        policy,
        (reflector) => reflector.reflect([long, ...failures], view, { update: 0 }),
        { maxTokens: 100 },
      );
      assert.deepStrictEqual(
        reflections.map((reflection) => reflection.parse),
        ["skipped", "ok", "ok"],
      );
      assert.strictEqual(use.modelCalls, 2);
    }),
  );

  it.effect("layer() writes prose exactly if the format does", () =>
    Effect.gen(function* () {
      const chat = chatFormat(template);
      const freeText = (reflector: ReflectorShape) => Effect.succeed(reflector.freeText);
      assert.isFalse(yield* ask(answering(""), freeText));
      assert.isTrue(yield* ask(chatting(""), freeText, {}, chat));
      const { reflections } = yield* ask(
        chatting(
          '{"key_insight": "Carry.", "bullet_tags": [{"id": "sai-00001", "tag": "harmful"}]}',
        ),
        (reflector) => reflector.reflect(failures, view, { update: 0 }),
        {},
        chat,
      );
      assert.deepInclude(reflections[0], {
        insight: "Carry.",
        tags: [{ entry: "sai-00001", sign: "harmful" }],
        parse: "ok",
      });
    }),
  );

  it.effect("layer() refuses a format that the model does not read, and replies without end", () =>
    Effect.gen(function* () {
      const nothing = () => Effect.void;
      const prose = yield* Effect.flip(ask(answering(""), nothing, {}, chatFormat(template)));
      assert.strictEqual(prose._tag, "ReflectorError");
      assert.include(prose.message, "Expected a format without free text");
      const compact = yield* Effect.flip(ask(chatting(""), nothing, {}));
      assert.include(compact.message, "Expected a format with free text");
      const small = answering("", { info: { maxContext: 64 } });
      const endless = yield* Effect.flip(ask(small, nothing, { maxTokens: 64 }));
      assert.include(endless.message, "maxTokens below the 64 tokens");
      const options = yield* Effect.flip(ask(small, nothing, { temperature: -1 }));
      assert.strictEqual(options._tag, "PluginOptionsError");
    }),
  );

  it.effect("reflect() fails with a ReflectorError, when the policy cannot answer", () =>
    Effect.gen(function* () {
      const broken = {
        ...answering(""),
        generate: () => Effect.fail(new PolicyError({ reason: "compute", message: "no device" })),
      };
      const error = yield* Effect.flip(
        ask(broken, (reflector) => reflector.reflect(failures, view, { update: 0 })),
      );
      assert.strictEqual(error._tag, "ReflectorError");
      assert.include(error.message, "no device");
    }),
  );
});
