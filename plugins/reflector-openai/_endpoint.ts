/** An endpoint on this machine that answers as a test tells it to. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Effect } from "effect";

/** What was asked. */
export interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** The text of the question. */
  readonly text: string;
  readonly count: number;
}

/** What is answered; with `hang` nothing more comes after `body`, with `close` the connection ends before it or within it. */
export interface Told {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  readonly delayMillis?: number;
  readonly hang?: boolean;
  readonly close?: "before" | "within";
}

/** A completion, as endpoints write it. */
export const completion = (
  content: string | null,
  parts: { readonly finish?: string; readonly usage?: object | null } = {},
): Told => ({
  body: JSON.stringify({
    id: "x",
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content },
        finish_reason: parts.finish ?? "stop",
      },
    ],
    ...(parts.usage === null
      ? {}
      : { usage: parts.usage ?? { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 } }),
  }),
});

/** Listens on 127.0.0.1 until the scope ends. */
export const serve = (tell: (asked: Asked) => Told) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const asked: Array<Asked> = [];
      let open = 0;
      let most = 0;
      const server = createServer((request, response) => {
        let text = "";
        request.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        request.on("end", () => {
          most = Math.max(most, ++open);
          const body = JSON.parse(text) as Record<string, unknown>;
          const [message] = body["messages"] as ReadonlyArray<{ readonly content: string }>;
          const one: Asked = {
            path: request.url ?? "",
            authorization: request.headers.authorization,
            body,
            text: message?.content ?? "",
            count: asked.length + 1,
          };
          asked.push(one);
          const {
            status = 200,
            headers = {},
            body: said,
            delayMillis = 0,
            hang = false,
            close,
          } = tell(one);
          setTimeout(() => {
            open--;
            if (close === "before") return void request.socket.destroy();
            response.writeHead(status, { "content-type": "application/json", ...headers });
            if (close === "within") {
              response.write(said.slice(0, said.length / 2), () => request.socket.destroy());
            } else if (hang) response.write(said);
            else response.end(said);
          }, delayMillis);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      return {
        url: `http://127.0.0.1:${port}/v1`,
        asked: () => asked as ReadonlyArray<Asked>,
        /** The most requests that were open at once. */
        most: () => most,
        close: () => {
          server.closeAllConnections();
          server.close();
        },
      };
    }),
    ({ close }) => Effect.sync(close),
  );
