/** A hub on this machine for tests: the endpoints that downloading uses, and whatever may go wrong with them. */
import { Effect, type Scope } from "effect";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request that came in. */
export interface Seen {
  readonly host: "hub" | "storage";
  readonly path: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** What a server does instead of answering, once. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Breaks the connection after so many bytes of the body. */
  | { readonly breakAfter: number }
  /** Answers never. */
  | "silence";

export interface HubServer {
  readonly endpoint: string;
  readonly commit: string;
  readonly seen: Array<Seen>;
  /** Faults for the next requests whose path contains a text, first come first. */
  readonly faults: Array<readonly [path: string, fault: Fault]>;
  /** Contents by path; large ones are announced as LFS files. */
  readonly files: Map<string, Buffer>;
  /** Without it every request is refused, when set. */
  token: string | undefined;
  /** Sends storage's own bytes instead of the announced ones. */
  tampered: boolean;
  /** Whether storage honours `range`. */
  ranges: boolean;
}

export const REPOSITORY = "tests/tiny";
const LARGE = 1000;

const sha256 = (data: Buffer) => createHash("sha256").update(data).digest("hex");
const gitHash = (data: Buffer) =>
  createHash("sha1").update(`blob ${data.length}\0`).update(data).digest("hex");

const json = (response: ServerResponse, value: unknown): void => {
  response.setHeader("content-type", "application/json").end(JSON.stringify(value));
};

const refuse = (response: ServerResponse, status: number, code: string): void => {
  response.writeHead(status, { "x-error-code": code, "content-type": "application/json" });
  response.end(JSON.stringify({ error: code }));
};

/** Sends a file, from where a range says on. */
const send = (
  server: HubServer,
  request: IncomingMessage,
  response: ServerResponse,
  data: Buffer,
): void => {
  const start = /^bytes=(\d+)-$/u.exec(request.headers.range ?? "")?.[1];
  const from = server.ranges && start !== undefined ? Number(start) : 0;
  const body = server.tampered ? Buffer.alloc(data.length - from, 7) : data.subarray(from);
  const partial = from > 0 || (server.ranges && start !== undefined);
  response.writeHead(partial ? 206 : 200, {
    "content-length": body.length,
    ...(partial ? { "content-range": `bytes ${from}-${data.length - 1}/${data.length}` } : {}),
  });
  response.end(body);
};

const takeFault = (server: HubServer, path: string): Fault | undefined => {
  const at = server.faults.findIndex(([part]) => path.includes(part));
  return at < 0 ? undefined : server.faults.splice(at, 1)[0]?.[1];
};

/** Does what a fault says; false where there is none. */
const fail = (
  fault: Fault | undefined,
  response: ServerResponse,
  data: Buffer | undefined,
): boolean => {
  if (fault === undefined) return false;
  if (fault === "silence") return true;
  if ("status" in fault) response.writeHead(fault.status, fault.headers).end();
  else {
    response.writeHead(200, { "content-length": data?.length ?? 0 });
    response.write(data?.subarray(0, fault.breakAfter), () => response.destroy());
  }
  return true;
};

const answerHub = (
  server: HubServer,
  storage: string,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  const { pathname } = url;
  if (server.token !== undefined && request.headers.authorization !== `Bearer ${server.token}`) {
    return refuse(response, 401, "RepoNotFound");
  }
  if (!pathname.includes(REPOSITORY)) return refuse(response, 404, "RepoNotFound");
  const revision = /\/(?:revision|tree|resolve)\/([^/]+)/u.exec(pathname)?.[1] ?? "";
  if (!["main", "v1.0", "refs%2Fpr%2F1", server.commit].includes(revision)) {
    return refuse(response, 404, "RevisionNotFound");
  }
  if (pathname.startsWith(`/api/models/${REPOSITORY}/revision/`)) {
    return json(response, { _id: "1", id: REPOSITORY, sha: server.commit, lastModified: 0 });
  }
  if (pathname.startsWith(`/api/models/${REPOSITORY}/tree/`)) {
    const entries = [...server.files].map(([path, data]) => ({
      type: "file",
      path,
      size: data.length,
      oid: gitHash(data),
      ...(data.length > LARGE
        ? { lfs: { oid: sha256(data), size: data.length, pointerSize: 130 } }
        : {}),
    }));
    return json(response, entries);
  }
  const path = decodeURIComponent(pathname.slice(`/${REPOSITORY}/resolve/${revision}/`.length));
  const data = server.files.get(path);
  if (data === undefined) return refuse(response, 404, "EntryNotFound");
  const large = data.length > LARGE;
  response.setHeader("x-repo-commit", server.commit);
  response.setHeader("etag", `"${large ? sha256(data) : gitHash(data)}"`);
  response.setHeader("accept-ranges", "bytes");
  if (!large) return send(server, request, response, data);
  // Large files lie elsewhere, and the token is none of their host's business.
  response.setHeader("x-linked-etag", `"${sha256(data)}"`);
  response.setHeader("x-linked-size", String(data.length));
  response.writeHead(302, { location: `${storage}/${encodeURIComponent(path)}` }).end();
};

/** A hub and the storage that it redirects to, on two ports of 127.0.0.1, for the length of the scope. */
export const startHub = (
  files: Readonly<Record<string, Buffer | string>>,
): Effect.Effect<HubServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const server: HubServer & { endpoint: string } = {
      endpoint: "",
      commit: createHash("sha1")
        .update(JSON.stringify(Object.keys(files)))
        .digest("hex"),
      seen: [],
      faults: [],
      files: new Map(Object.entries(files).map(([path, data]) => [path, Buffer.from(data)])),
      token: undefined,
      tampered: false,
      ranges: true,
    };
    const listen = (
      host: Seen["host"],
      answer: (url: URL, request: IncomingMessage, response: ServerResponse) => void,
    ) =>
      Effect.acquireRelease(
        Effect.promise(
          () =>
            new Promise<{ readonly address: string; readonly close: () => void }>((resolve) => {
              const http = createServer((request, response) => {
                const url = new URL(request.url ?? "/", "http://127.0.0.1");
                const { authorization, range } = request.headers;
                server.seen.push({ host, path: url.pathname, authorization, range });
                const named = server.files.get(decodeURIComponent(url.pathname.slice(1)));
                const fault = takeFault(server, `${host}${url.pathname}`);
                if (!fail(fault, response, named)) answer(url, request, response);
              });
              http.listen(0, "127.0.0.1", () =>
                resolve({
                  address: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
                  close: () => {
                    http.close();
                    http.closeAllConnections();
                  },
                }),
              );
            }),
        ),
        ({ close }) => Effect.sync(close),
      );
    const storage = yield* listen("storage", (url, request, response) => {
      const data = server.files.get(decodeURIComponent(url.pathname.slice(1)));
      if (data === undefined) refuse(response, 404, "EntryNotFound");
      else send(server, request, response, data);
    });
    const hub = yield* listen("hub", (url, request, response) =>
      answerHub(server, storage.address, url, request, response),
    );
    server.endpoint = hub.address;
    return server;
  });
