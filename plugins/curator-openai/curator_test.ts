import { assert, describe, it } from "@effect/vitest";
import { Curator, Format, type Reflection, emptyView } from "@resd/core";
import { chatFormat } from "@resd/resd";
import { attemptOf, curatorLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { ConfigProvider, Effect, Layer } from "effect";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Options, layer } from "./mod.ts";

const format = Layer.succeed(
  Format,
  chatFormat((messages) => messages.map(({ content }) => ({ text: content }))),
);

/** An endpoint on this machine that answers every question with this text, and keeps what it was sent. */
const serve = (answer: string, status = 200) =>
  Effect.acquireRelease(
    Effect.promise(
      () =>
        new Promise<{ url: string; bodies: Array<string>; close: () => void }>((resolve) => {
          const bodies: Array<string> = [];
          const server = createServer((request, response) => {
            let body = "";
            request.on("data", (chunk: Buffer) => (body += chunk.toString()));
            request.on("end", () => {
              bodies.push(body);
              const choices = [{ message: { content: answer }, finish_reason: "stop" }];
              response.writeHead(status).end(JSON.stringify({ choices }));
            });
          });
          server.listen(0, "127.0.0.1", () => {
            const { port } = server.address() as AddressInfo;
            const url = `http://127.0.0.1:${port}/v1`;
            resolve({ url, bodies, close: () => server.close() });
          });
        }),
    ),
    ({ close }) => Effect.sync(close),
  );

const REPLY = JSON.stringify({
  reasoning: "r",
  operations: [
    { type: "ADD", section: "OTHERS", content: "Mind the carry." },
    { type: "DELETE", id: "misc-00001" },
  ],
});
const quick = { model: "m", retryDelayMillis: 1, retries: 0 };
const layerFor = (options: typeof Options.Encoded) =>
  layer(options).pipe(
    Layer.provide([format, ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))]),
  );
const itemOf = (text: string) => ({
  attempt: attemptOf({ problem: "What is 17 * 3?", answer: "41" }),
  reflection: { text, tags: [], parse: "ok" } satisfies Reflection,
});
const curate = (options: typeof Options.Encoded) =>
  Effect.flatMap(Curator, (curator) =>
    curator.curate([itemOf("The carry was lost."), itemOf("")], emptyView, { update: 0 }),
  ).pipe(Effect.provide(layerFor(options)));

describe("curator-openai", () => {
  registerLaws(
    curatorLaws(Layer.unwrap(Effect.map(serve(REPLY), ({ url }) => layerFor({ ...quick, url })))),
  );

  it.live("curate() asks about reflections that say something, and reads the operations", () =>
    Effect.gen(function* () {
      const { url, bodies } = yield* serve(REPLY);
      const { proposals, use } = yield* curate({ ...quick, url, operations: ["Add", "Delete"] });
      assert.deepStrictEqual(
        proposals.map(({ operations, parse }) => [operations, parse]),
        [
          [
            [
              { _tag: "Add", section: "OTHERS", text: "Mind the carry." },
              { _tag: "Delete", entry: "misc-00001" },
            ],
            "ok",
          ],
          [[], "skipped"],
        ],
      );
      assert.strictEqual(use.modelCalls, 1);
      assert.lengthOf(bodies, 1);
      assert.include(bodies[0], "The carry was lost.");
      assert.include(bodies[0], "DELETE");
      assert.include(bodies[0], '"name":"operations"');
      assert.notInclude(bodies[0], "MERGE");
    }),
  );

  it.live("curate() fails with a CuratorError, when the endpoint refuses", () =>
    Effect.gen(function* () {
      const { url } = yield* serve("no", 403);
      const error = yield* Effect.flip(curate({ ...quick, url }));
      assert.strictEqual(error._tag, "CuratorError");
      assert.include(error.message, "status 403");
    }),
  );
});
