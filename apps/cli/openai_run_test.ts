/** A run whose words come from an endpoint that tells everybody the key it was sent. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { assert, describe, it } from "@effect/vitest";
import { Format } from "@resd/core";
import { chatFormat } from "@resd/resd";
import { defineRun } from "@resd/run";
import { makeScriptedPolicy } from "@resd/testing";
import { ConfigProvider, Effect, Exit, Layer, Logger } from "effect";
import { prepareIn, readAll, runServices, scriptedPolicy } from "./_scripted_run.ts";

const KEY = "sk-run-4b1d-nobody-may-see-this";

/** Answers with reflections and lessons that hold the key, until `refusing` it. */
const talkative = (refusing: (count: number) => boolean) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{ url: string; asked: () => number; close: () => void }>((resolve) => {
          let count = 0;
          const server = createServer((request, response) => {
            const key = request.headers.authorization ?? "none";
            const content = JSON.stringify({
              reasoning: `I was sent ${key}.`,
              key_insight: `The key is ${key}.`,
              bullet_tags: [],
              operations: [
                { type: "ADD", section: "OTHERS", content: `Remember ${key}: ${count}` },
              ],
            });
            request.resume().on("end", () => {
              if (refusing(++count)) {
                response.writeHead(401, { "x-key": key }).end(`{"error": "no such key: ${key}"}`);
                return;
              }
              response.writeHead(200, { "content-type": "application/json" }).end(
                JSON.stringify({
                  choices: [{ message: { content }, finish_reason: "stop" }],
                  usage: { prompt_tokens: 10, completion_tokens: 5 },
                }),
              );
            });
          });
          server.listen(0, "127.0.0.1", () => {
            const { port } = server.address() as AddressInfo;
            resolve({
              url: `http://127.0.0.1:${port}/v1`,
              asked: () => count,
              close: () => server.close(),
            });
          });
        }),
    ),
    ({ close }) => Effect.sync(close),
  );

/** A run of a policy that reads chats. */
const runWith = (url: string, budget: Readonly<Record<string, unknown>> = {}) =>
  defineRun({
    preset: "kestrel",
    config: {
      trackers: [],
      reflector: { use: "openai", options: { url, model: "m", retries: 0, ...budget } },
      curator: { use: "openai", options: { url, model: "m", retries: 0 } },
      resd: {
        updates: 2,
        batchSize: 2,
        evaluation: { every: 2, tasks: 2, samples: 1 },
        sampling: { reflect: { maxTokens: 500 } },
      },
    },
    layers: {
      policy: scriptedPolicy(
        makeScriptedPolicy({ replies: () => "10: square PEF", info: { format: "chat" } }),
      ),
      format: Layer.succeed(
        Format,
        chatFormat((messages) => messages.map(({ content }) => ({ text: content }))),
      ),
    },
  });

/** Conducts a run with a log, as `train` does; everything that it has left behind. */
const leftBehind = Effect.fnUntraced(function* (
  url: string,
  budget?: Readonly<Record<string, unknown>>,
) {
  const { files, conduct } = yield* prepareIn(runWith(url, budget));
  // The log is written to its end when its scope closes.
  const exit = yield* Effect.scoped(
    Effect.gen(function* () {
      const log = yield* Logger.toFile(Logger.formatLogFmt, files.log, { flag: "a" });
      return yield* Effect.exit(conduct.pipe(Effect.provide(Logger.layer([log]))));
    }),
  );
  return { exit, written: yield* readAll(files.folder) };
});

const services = Layer.merge(
  runServices,
  ConfigProvider.layer(ConfigProvider.fromEnv({ env: { OPENAI_API_KEY: KEY } })),
);

describe("a run with reflector-openai", () => {
  it.live("its folder never holds the key, although every reply does", () =>
    Effect.gen(function* () {
      const endpoint = yield* talkative(() => false);
      const { exit, written } = yield* leftBehind(endpoint.url);
      assert.isTrue(Exit.isSuccess(exit), String(exit));
      assert.isAtLeast(endpoint.asked(), 8);
      const all = Object.values(written).join("\n");
      assert.include(all, "Remember Bearer <redacted>");
      assert.include(all, "reflector-openai asked m 4 times");
      for (const [name, text] of Object.entries(written)) assert.notInclude(text, KEY, name);
    }).pipe(Effect.scoped, Effect.provide(services)),
  );

  it.live("it ends with the reason and without the key, when the key is refused", () =>
    Effect.gen(function* () {
      const endpoint = yield* talkative((count) => count > 3);
      const { exit, written } = yield* leftBehind(endpoint.url);
      assert.isTrue(Exit.isFailure(exit));
      assert.notInclude(String(exit), KEY);
      assert.include(written["summary.json"], "correct the key in OPENAI_API_KEY");
      assert.include(written["summary.json"], '"outcome": "failed"');
      for (const [name, text] of Object.entries(written)) assert.notInclude(text, KEY, name);
    }).pipe(Effect.scoped, Effect.provide(services)),
  );

  it.live("it ends with the reason when its budget is spent, or goes on without words", () =>
    Effect.gen(function* () {
      const endpoint = yield* talkative(() => false);
      const budget = { budgetTokens: 20 };
      const stopped = yield* leftBehind(endpoint.url, budget);
      assert.isTrue(Exit.isFailure(stopped.exit));
      assert.strictEqual(endpoint.asked(), 0);
      assert.include(stopped.written["summary.json"], "raise budgetTokens or budgetCost");
      assert.include(stopped.written["summary.json"], '"outcome": "failed"');
      const gone = yield* leftBehind(endpoint.url, { ...budget, otherwise: "skip" });
      assert.isTrue(Exit.isSuccess(gone.exit), String(gone.exit));
      assert.include(gone.written["summary.json"], '"outcome": "finished"');
      assert.include(gone.written["run.log"], "questions to reflect were not answered");
      assert.include(gone.written["metrics.jsonl"], '"reflections/skipped":2');
    }).pipe(Effect.scoped, Effect.provide(services)),
  );
});
