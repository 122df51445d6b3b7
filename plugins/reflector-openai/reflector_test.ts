import { assert, describe, it } from "@effect/vitest";
import { Format, Reflector, type ReflectorShape, RunSeed, type View } from "@resd/core";
import { chatFormat, chatPrompts, parsePromptFile } from "@resd/resd";
import { attemptOf, reflectorLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { ConfigProvider, Effect, Layer, Result } from "effect";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Asked, type Told, completion, serve } from "./_endpoint.ts";
import { type Options, layer } from "./mod.ts";

const KEY = "sk-test-7f3a9c-do-not-tell";
const view: View = {
  version: 1,
  updateCount: 1,
  entries: [
    {
      id: "sai-00001",
      section: "STRATEGIES & INSIGHTS",
      text: "Carry before you round.",
      helpful: 1,
      harmful: 0,
      createdAt: 0,
      lastTaggedAt: 0,
    },
  ],
};
const attempts = ["41", "52", "43"].map((answer, i) =>
  attemptOf({ id: `a${i}`, problem: `What is 17 * ${i + 3}?`, answer }),
);
const REPLY = JSON.stringify({
  reasoning: "r",
  error_identification: "e",
  root_cause_analysis: "c",
  correct_approach: "a",
  key_insight: "Mind the carry.",
  bullet_tags: [{ id: "sai-00001", tag: "helpful" }],
});

/** The format of a run whose policy reads chats. */
const format = chatFormat((messages) => [
  ...messages.flatMap(({ role, content }) => [{ control: `<${role}>` }, { text: content }]),
  { control: "<assistant>" },
]);
const quick = { retryDelayMillis: 1, model: "m" };
const environmentOf = (values: Record<string, string>) =>
  ConfigProvider.layer(ConfigProvider.fromEnv({ env: values }));

const ask = <A, E>(
  options: typeof Options.Encoded,
  use: (reflector: ReflectorShape) => Effect.Effect<A, E>,
  values: Record<string, string> = { OPENAI_API_KEY: KEY },
) =>
  Effect.flatMap(Reflector, use).pipe(
    Effect.provide(
      layer(options).pipe(Layer.provide([Layer.succeed(Format, format), environmentOf(values)])),
    ),
  );
const reflect = (reflector: ReflectorShape) => reflector.reflect(attempts, view, { update: 0 });

/** Asks an endpoint that answers like this. */
const against = (
  tell: (asked: Asked) => Told,
  options: Partial<typeof Options.Encoded> = {},
  values?: Record<string, string>,
) =>
  Effect.gen(function* () {
    const endpoint = yield* serve(tell);
    const all = { ...quick, url: endpoint.url, ...options };
    return { endpoint, result: yield* Effect.result(ask(all, reflect, values)) };
  });
const told = (result: Result.Result<unknown, { readonly message: string }>): string =>
  Result.isFailure(result) ? result.failure.message : "";

describe("reflector-openai", () => {
  registerLaws(
    reflectorLaws(
      Layer.unwrap(
        Effect.map(
          serve(({ text }) => completion(text.includes("sai-00001") ? REPLY : "{}")),
          ({ url }) => layer({ ...quick, url }),
        ),
      ).pipe(Layer.provide([Layer.succeed(Format, format), environmentOf({})])),
    ),
  );

  it.live("reflect() asks one question for each failure, with schema, seed and key", () =>
    Effect.gen(function* () {
      const { endpoint, result } = yield* against(() => completion(REPLY), { topP: 0.9 });
      assert(Result.isSuccess(result));
      const { reflections, use } = result.success;
      assert.deepStrictEqual(reflections[0], {
        text: REPLY,
        insight: "Mind the carry.",
        tags: [{ entry: "sai-00001", sign: "helpful" }],
        parse: "ok",
      });
      assert.deepStrictEqual(use, { modelCalls: 3, generatedTokens: 60 });
      const asked = endpoint.asked().toSorted((a, b) => (a.text < b.text ? -1 : 1));
      assert.deepStrictEqual(
        [asked[0]?.path, asked[0]?.authorization],
        ["/v1/chat/completions", `Bearer ${KEY}`],
      );
      const { messages, seed, response_format: form, ...sampling } = asked[0]?.body ?? {};
      assert.deepStrictEqual(sampling, {
        model: "m",
        temperature: 0.5,
        top_p: 0.9,
        max_tokens: 4096,
      });
      assert.lengthOf(messages as [], 1);
      assert.include(asked[0]?.text, "What is 17 * 3?");
      assert.include(asked[0]?.text, "[sai-00001] helpful=1 harmful=0 :: Carry before you round.");
      assert.nestedPropertyVal(form, "json_schema.name", "reflection");
      assert.isTrue(Number.isInteger(seed) && Number(seed) >= 0 && Number(seed) < 2 ** 31);
      assert.strictEqual(new Set(asked.map(({ body }) => body["seed"])).size, 3);
    }),
  );

  it.live("reflect() asks in the wording of the run, and without a key where none is set", () =>
    Effect.gen(function* () {
      const endpoint = yield* serve(() => completion(REPLY));
      const mine = chatPrompts.text.replace("at the task below failed", "went wrong, dear friend");
      const prompts = Result.getOrThrow(parsePromptFile(mine));
      const other = chatFormat((messages) => messages.map(({ content }) => ({ text: content })), {
        prompts,
      });
      yield* Effect.flatMap(Reflector, reflect).pipe(
        Effect.provide(
          layer({ ...quick, url: `${endpoint.url}/` }).pipe(
            Layer.provide([Layer.succeed(Format, other), environmentOf({})]),
          ),
        ),
        Effect.provideService(RunSeed, 4),
      );
      assert.include(endpoint.asked()[0]?.text, "went wrong, dear friend");
      assert.isUndefined(endpoint.asked()[0]?.authorization);
      assert.strictEqual(endpoint.asked()[0]?.path, "/v1/chat/completions");
    }),
  );

  it.live(
    "reflect() fails at once for a key that is refused, and says which variable holds it",
    () =>
      Effect.gen(function* () {
        // Some endpoints repeat what they were sent.
        const { endpoint, result } = yield* against(
          ({ authorization }) => ({ status: 401, body: `{"error": "bad ${authorization}"}` }),
          { concurrency: 1 },
        );
        assert.strictEqual(endpoint.asked().length, 1);
        assert.include(told(result), "status 401");
        assert.include(told(result), "correct the key in OPENAI_API_KEY");
        assert.include(told(result), "<redacted>");
        assert.notInclude(told(result), KEY);
        const without = yield* against(
          () => ({ status: 401, body: "" }),
          { keyVariable: "MY_KEY" },
          {},
        );
        assert.include(told(without.result), "set MY_KEY");
      }),
  );

  it.live("reflect() waits as long as a 429 asks for, and then goes on", () =>
    Effect.gen(function* () {
      const times: Array<number> = [];
      const { result } = yield* against(
        ({ count }) => {
          times.push(performance.now());
          return count === 1
            ? { status: 429, headers: { "retry-after": "0.3" }, body: "slow down" }
            : completion(REPLY);
        },
        { concurrency: 1 },
      );
      assert(Result.isSuccess(result));
      assert.deepStrictEqual(
        result.success.reflections.map(({ parse }) => parse),
        ["ok", "ok", "ok"],
      );
      assert.isAtLeast((times[1] ?? 0) - (times[0] ?? 0), 290);
    }),
  );

  it.live("reflect() gives up where the wait is longer than it may be", () =>
    Effect.gen(function* () {
      const { endpoint, result } = yield* against(
        () => ({ status: 429, headers: { "retry-after": "3600" }, body: "" }),
        { concurrency: 1 },
      );
      assert.strictEqual(endpoint.asked().length, 1);
      assert.include(told(result), "to wait 3600 s");
    }),
  );

  it.live("reflect() tries again after 500, nonsense and silence, so often and no more", () =>
    Effect.gen(function* () {
      const troubles: ReadonlyArray<Told> = [
        { status: 500, body: "<html>oops</html>" },
        { body: "not json" },
        { body: '{"choices": []}' },
        { body: "{", hang: true },
      ];
      const { endpoint, result } = yield* against(
        ({ count }) => troubles[count - 1] ?? completion(REPLY),
        { concurrency: 1, timeoutMillis: 300 },
      );
      assert(Result.isSuccess(result));
      assert.strictEqual(endpoint.asked().length, troubles.length + 3);
      const hopeless = yield* against(() => ({ status: 503, body: "later" }), {
        concurrency: 1,
        retries: 2,
      });
      assert.strictEqual(hopeless.endpoint.asked().length, 3);
      assert.include(told(hopeless.result), "status 503: later, 3 times in a row");
    }),
  );

  it.live("reflect() tries again when the connection ends before the answer, or within it", () =>
    Effect.gen(function* () {
      const { endpoint, result } = yield* against(
        ({ count }) => ({
          ...completion(REPLY),
          ...(count === 1 ? { close: "before" } : count === 2 ? { close: "within" } : {}),
        }),
        { concurrency: 1 },
      );
      assert(Result.isSuccess(result), told(result));
      assert.strictEqual(endpoint.asked().length, 5);
      const hopeless = yield* against(() => ({ body: "x", close: "before" }), {
        concurrency: 1,
        retries: 1,
      });
      assert.include(told(hopeless.result), "2 times in a row");
      assert.notInclude(told(hopeless.result), KEY);
    }),
  );

  it.live("reflect() doubles the least that it waits before every retry", () =>
    Effect.gen(function* () {
      const times: Array<number> = [];
      yield* against(
        () => {
          times.push(performance.now());
          return { status: 500, body: "" };
        },
        { concurrency: 1, retries: 3, retryDelayMillis: 60 },
      );
      const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0));
      // Half of 60, 120 and 240 ms at the least.
      for (const [i, least] of [30, 60, 120].entries()) assert.isAtLeast(waits[i] ?? 0, least - 2);
    }),
  );

  it.live("reflect() counts what was perhaps answered, and stops when that is the budget", () =>
    Effect.gen(function* () {
      // Each attempt may use about 650 tokens, and nobody knows whether it did.
      const budget = { concurrency: 1, maxTokens: 100, budgetTokens: 1700, retries: 9 };
      for (const silent of [
        { body: "{", hang: true },
        { body: "not json" },
        { ...completion(REPLY), close: "within" },
      ] as const) {
        const { endpoint, result } = yield* against(() => silent, {
          ...budget,
          timeoutMillis: 200,
        });
        assert.strictEqual(endpoint.asked().length, 2);
        assert.include(told(result), "could exceed the budget");
      }
      const refused = yield* against(() => ({ status: 503, body: "" }), { ...budget, retries: 5 });
      assert.strictEqual(refused.endpoint.asked().length, 6);
      assert.include(told(refused.result), "6 times in a row");
    }),
  );

  it.live("reflect() refuses a key that no header can hold, and keeps words that are no key", () =>
    Effect.gen(function* () {
      const odd = yield* against(() => completion(REPLY), {}, { OPENAI_API_KEY: "sk-a\u2028b" });
      assert.include(told(odd.result), "at OPENAI_API_KEY; copy it again");
      assert.notInclude(told(odd.result), "sk-a");
      assert.strictEqual(odd.endpoint.asked().length, 0);
      const placeholder = yield* against(
        () => completion("none of it"),
        {},
        { OPENAI_API_KEY: "none" },
      );
      assert(Result.isSuccess(placeholder.result));
      assert.strictEqual(placeholder.result.success.reflections[0]?.text, "none of it");
    }),
  );

  it.live("reflect() keeps its deadline with an endpoint that is slow, and one that is gone", () =>
    Effect.gen(function* () {
      const slow = yield* against(() => ({ ...completion(REPLY), delayMillis: 5000 }), {
        timeoutMillis: 100,
        retries: 1,
      });
      assert.include(told(slow.result), "no answer within 100 ms, 2 times in a row");
      const gone = yield* Effect.result(
        ask({ ...quick, url: "http://127.0.0.1:9/v1", retries: 0 }, reflect),
      );
      assert.include(told(gone), "at 127.0.0.1:9");
      assert.notInclude(told(gone), KEY);
    }),
  );

  it.live("reflect() reads malformed and truncated replies as such, and never fails for them", () =>
    Effect.gen(function* () {
      const replies: ReadonlyArray<Told> = [
        completion("I think it lost the carry."),
        completion(REPLY.slice(0, 60), { finish: "length" }),
        completion(null),
      ];
      const { result } = yield* against(({ count }) => replies[count - 1]!, { concurrency: 1 });
      assert(Result.isSuccess(result));
      assert.deepStrictEqual(
        result.success.reflections.map(({ parse }) => parse),
        ["malformed", "truncated", "empty"],
      );
    }),
  );

  it.live(
    "reflect() takes back what an endpoint does not know: the schema, then JSON as such",
    () =>
      Effect.gen(function* () {
        const { endpoint, result } = yield* against(
          ({ body }) =>
            body["response_format"] === undefined
              ? completion(REPLY)
              : { status: 400, body: '{"error": {"message": "unknown field response_format"}}' },
          { concurrency: 1 },
        );
        assert(Result.isSuccess(result));
        const forms = endpoint
          .asked()
          .map(({ body }) => (body["response_format"] as { type: string } | undefined)?.type);
        assert.deepStrictEqual(forms, [
          "json_schema",
          "json_object",
          undefined,
          undefined,
          undefined,
        ]);
        const strict = yield* against(
          () => ({ status: 400, body: "response_format is not supported" }),
          { responseFormat: "json_schema", concurrency: 1 },
        );
        assert.strictEqual(strict.endpoint.asked().length, 1);
        assert.include(told(strict.result), "response_format is not supported");
        const other = yield* against(() => ({ status: 400, body: "context too long" }), {
          concurrency: 1,
        });
        assert.strictEqual(other.endpoint.asked().length, 1);
      }),
  );

  it.live("reflect() asks no more questions at once than it may", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 9 }, (_, i) => ({ ...attempts[0]!, id: `m${i}` }));
      const endpoint = yield* serve(() => ({ ...completion(REPLY), delayMillis: 40 }));
      yield* ask({ ...quick, url: endpoint.url, concurrency: 3 }, (reflector) =>
        reflector.reflect(many, view, { update: 0 }),
      );
      assert.strictEqual(endpoint.asked().length, 9);
      assert.strictEqual(endpoint.most(), 3);
    }),
  );

  it.live("reflect() stops before the budget is exceeded, or goes on without answers", () =>
    Effect.gen(function* () {
      const budget = { maxTokens: 100, concurrency: 3 };
      // A question reserves its estimate, about 900 tokens, and uses 120.
      const { endpoint, result } = yield* against(() => completion(REPLY), {
        ...budget,
        budgetTokens: 1500,
      });
      assert.include(told(result), "could exceed the budget");
      assert.isBelow(endpoint.asked().length, 3);
      const dear = completion(REPLY, { usage: { prompt_tokens: 900, completion_tokens: 100 } });
      const skipping = yield* against(() => dear, {
        ...budget,
        concurrency: 1,
        budgetTokens: 1500,
        otherwise: "skip",
      });
      assert(Result.isSuccess(skipping.result));
      assert.deepStrictEqual(
        skipping.result.success.reflections.map(({ parse }) => parse),
        ["ok", "skipped", "skipped"],
      );
      const poor = yield* against(() => completion(REPLY), {
        ...budget,
        budgetCost: 0.0001,
        promptPrice: 1,
        replyPrice: 2,
      });
      assert.strictEqual(poor.endpoint.asked().length, 0);
      assert.include(told(poor.result), "raise budgetTokens or budgetCost");
    }),
  );

  it.live("reflect() takes its key to no other place than the one that it is for", () =>
    Effect.gen(function* () {
      const elsewhere = yield* serve(() => completion(REPLY));
      const redirecting = yield* Effect.acquireRelease(
        Effect.promise(
          () =>
            new Promise<ReturnType<typeof createServer>>((resolve) => {
              const server = createServer((_request, response) => {
                response.writeHead(307, { location: `${elsewhere.url}/chat/completions` }).end();
              });
              server.listen(0, "127.0.0.1", () => resolve(server));
            }),
        ),
        (server) => Effect.sync(() => server.close()),
      );
      const { port } = redirecting.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}/v1`;
      const result = yield* Effect.result(ask({ ...quick, url, retries: 0 }, reflect));
      assert(Result.isFailure(result));
      assert.strictEqual(elsewhere.asked().length, 0);
    }),
  );

  it.live("reflect() shortens what does not fit the context", () =>
    Effect.gen(function* () {
      const endpoint = yield* serve(() => completion(REPLY));
      const long = {
        ...attempts[0]!,
        actions: [{ content: "x ".repeat(40_000), stop: "eos" as const }],
      };
      const { reflections } = yield* ask(
        { ...quick, url: endpoint.url, contextTokens: 3000, maxTokens: 500 },
        (reflector) => reflector.reflect([long], view, { update: 0 }),
      );
      assert.strictEqual(reflections[0]?.parse, "ok");
      assert.include(endpoint.asked()[0]?.text, "characters left out");
      assert.isBelow(endpoint.asked()[0]?.text.length ?? Infinity, 7500);
    }),
  );

  it.effect("layer() refuses keys in addresses and options that contradict each other", () =>
    Effect.gen(function* () {
      const refusal = (options: Partial<typeof Options.Encoded>) =>
        Effect.map(
          Effect.flip(ask({ ...quick, url: "http://127.0.0.1:9/v1", ...options }, reflect)),
          ({ message }) => message,
        );
      for (const url of [`http://u:${KEY}@x/v1`, `http://x/v1?key=${KEY}`, "file:///x", "x"]) {
        assert.include(yield* refusal({ url }), "an http address without user");
      }
      assert.include(
        yield* refusal({ maxTokens: 4000, contextTokens: 4000 }),
        "below contextTokens",
      );
      assert.include(yield* refusal({ budgetCost: 1 }), "Expected prices");
    }),
  );
});
