import { assert, describe, it } from "@effect/vitest";
import {
  Curator,
  CuratorError,
  type CuratorShape,
  Format,
  Policy,
  PolicyError,
  type PromptFormat,
  type Reflection,
  emptyView,
} from "@resd/core";
import { type ChatTemplate, chatFormat, compactFormat } from "@resd/resd";
import { type ScriptedPolicy, attemptOf, curatorLaws, makeScriptedPolicy } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect, Layer } from "effect";
import { type Options, layer } from "./mod.ts";

const template: ChatTemplate = (messages, { reply }) => [
  ...messages.flatMap(({ role, content }) => [{ control: `<${role}>` }, { text: content }]),
  ...(reply ? [{ control: "<assistant>" }] : []),
];
const reflectionOf = (text: string, insight?: string): Reflection => ({
  text,
  ...(insight === undefined ? {} : { insight }),
  tags: [],
  parse: "ok",
});
const items = [
  reflectionOf("insight double is PEF", "double is PEF"),
  reflectionOf("insight none"),
  reflectionOf("insight halve is JAL", "halve is JAL"),
].map((reflection, i) => ({
  attempt: attemptOf({ id: `attempt-${i}`, problem: "10: square", answer: "10: square PEF" }),
  reflection,
}));

/** Adds whatever insight it is shown. */
const adding = () =>
  makeScriptedPolicy({
    replies: ({ text }) => {
      const [operation = "", mnemonic = ""] = (text.split("insight ")[1] ?? "none").split(" is ");
      return operation === "none" ? "none" : `${operation} empty ADD ${operation} is ${mnemonic}`;
    },
    info: { maxContext: 60_000 },
  });
const ask = <A, E>(
  policy: ScriptedPolicy,
  use: (curator: CuratorShape) => Effect.Effect<A, E>,
  options: typeof Options.Encoded = { maxTokens: 1000 },
  format: PromptFormat = compactFormat,
) =>
  Effect.flatMap(Curator, use).pipe(
    Effect.provide(
      layer(options).pipe(
        Layer.provide([Layer.succeed(Policy, policy), Layer.succeed(Format, format)]),
      ),
    ),
  );
const curate = (curator: CuratorShape) => curator.curate(items, emptyView, { update: 0 });

describe("curator-self", () => {
  registerLaws(
    curatorLaws(
      layer({ maxTokens: 1000 }).pipe(
        Layer.provide([Layer.sync(Policy, adding), Layer.succeed(Format, compactFormat)]),
      ),
    ),
  );

  it.effect("curate() asks in one generation and passes over reflections without insight", () =>
    Effect.gen(function* () {
      const policy = adding();
      const { proposals, use } = yield* ask(policy, curate);
      const add = (text: string) => [
        { _tag: "Add" as const, section: "STRATEGIES & INSIGHTS", text },
      ];
      assert.deepStrictEqual(proposals, [
        {
          operations: add("double is PEF"),
          parse: "ok",
          text: "double empty ADD double is PEF",
        },
        { operations: [], parse: "skipped", text: "" },
        { operations: add("halve is JAL"), parse: "ok", text: "halve empty ADD halve is JAL" },
      ]);
      assert.strictEqual(use.modelCalls, 2);
      assert.strictEqual(policy.calls().generate, 1);
      assert.strictEqual(policy.requests()[0]?.prompt, "<pb><ref>insight double is PEF<cur>");
    }),
  );

  it.effect("curate() asks about every reflection, when it is told to", () =>
    Effect.gen(function* () {
      const policy = adding();
      const { proposals, use } = yield* ask(policy, curate, {
        maxTokens: 1000,
        skipWithoutInsight: false,
      });
      assert.deepStrictEqual(proposals[1], { operations: [], parse: "ok", text: "none" });
      assert.strictEqual(use.modelCalls, 3);
      const seeds = policy.requests().map(({ request }) => request.seed);
      assert.strictEqual(new Set(seeds).size, 3);
    }),
  );

  it.effect("curate() reads operations in JSON, and skips replies that are not", () =>
    Effect.gen(function* () {
      const good = JSON.stringify({
        reasoning: "r",
        operations: [{ type: "ADD", section: "OTHERS", content: "Carry." }],
      });
      const policy = makeScriptedPolicy({
        replies: ({ text }) => (text.includes("PEF") ? good : "I would add nothing."),
        info: { format: "chat" },
      });
      const { proposals } = yield* ask(policy, curate, {}, chatFormat(template));
      assert.deepStrictEqual(
        proposals.map(({ operations, parse }) => [operations.length, parse]),
        [
          [1, "ok"],
          [0, "malformed"],
          [0, "malformed"],
        ],
      );
    }),
  );

  it.effect("layer() and curate() fail with a CuratorError", () =>
    Effect.gen(function* () {
      const misfit = yield* Effect.flip(ask(adding(), curate, {}, chatFormat(template)));
      assert.instanceOf(misfit, CuratorError);
      const broken = {
        ...adding(),
        generate: () => Effect.fail(new PolicyError({ reason: "compute", message: "no device" })),
      };
      const error = yield* Effect.flip(ask(broken, curate));
      assert.instanceOf(error, CuratorError);
      assert.include(error.message, "no device");
    }),
  );
});
