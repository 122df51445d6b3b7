/** What the hub says of a repository: the commit of a revision, and the files of a commit. */
import { HubApiError, listFiles, type ListFileEntry, modelInfo } from "@huggingface/hub";
import { Effect } from "effect";
import { HubError } from "./hub_error.ts";
import { type Fetch, refusalOf, request } from "./hub_requests.ts";
import type { HubSettings } from "./hub_settings.ts";
import { isCommit, type ModelName } from "./model_name.ts";

/** A file of a commit. */
export interface RemoteFile {
  readonly path: string;
  readonly size: number;
  /** Name of its contents in the cache: the SHA-256 of a large file, git's hash of a small one. */
  readonly etag: string;
  readonly large: boolean;
}

/** A repository at a commit. */
export interface RemoteModel {
  readonly commit: string;
  readonly files: ReadonlyArray<RemoteFile>;
}

/** Relative, and below the folder that it is relative to, on every system. */
const isSafePath = (path: string): boolean =>
  path !== "" &&
  !/^[/\\]|^[A-Za-z]:|[\\\0]/u.test(path) &&
  path.split("/").every((part) => part !== "" && part !== "." && part !== "..");

const isEtag = (etag: unknown): etag is string =>
  typeof etag === "string" && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/u.test(etag);

/** Asks the hub which files a revision has. */
export const readRepository = Effect.fnUntraced(function* (
  fetch: Fetch,
  settings: HubSettings,
  { repository, revision }: ModelName,
): Effect.fn.Return<RemoteModel, HubError> {
  const what = `${repository}@${revision}`;
  const context = yield* Effect.context<never>();
  let refusal: HubError | undefined;
  // The library asks, this package does the requests: with its token, its patience and its errors.
  const asking: Fetch = async (url) => {
    const answer = await Effect.runPromiseWith(context)(
      Effect.result(request(fetch, settings, String(url), what)),
    );
    if (answer._tag === "Failure") {
      refusal = answer.failure;
      throw answer.failure;
    }
    if (!answer.success.ok) refusal = refusalOf(answer.success, what, settings);
    return answer.success;
  };
  const ask = <A>(question: () => Promise<A>): Effect.Effect<A, HubError> =>
    Effect.tryPromise({
      try: question,
      catch: (cause) =>
        refusal ??
        new HubError({
          reason: "network",
          message: `Expected the hub's description of a model, got ${cause instanceof HubApiError ? cause.statusCode : String(cause)}, at ${what} of ${settings.endpoint}; try again, or set HF_ENDPOINT to a server of the hub`,
        }),
    });
  const from = { hubUrl: settings.endpoint, fetch: asking };
  const info = yield* ask(() =>
    modelInfo({ ...from, name: repository, revision, additionalFields: ["sha"] }),
  );
  if (typeof info.sha !== "string" || !isCommit(info.sha)) {
    return yield* new HubError({
      reason: "network",
      message: `Expected the commit of a revision, got ${JSON.stringify(info.sha) ?? "none"}, at ${what} of ${settings.endpoint}; try again, or set HF_ENDPOINT to a server of the hub`,
    });
  }
  const commit = info.sha;
  const listed = yield* ask(async () => {
    const entries: Array<ListFileEntry> = [];
    for await (const entry of listFiles({ ...from, repo: repository, revision: commit })) {
      entries.push(entry);
    }
    return entries;
  });
  const files: Array<RemoteFile> = [];
  for (const { type, path, size, oid, lfs } of listed) {
    if (type !== "file") continue;
    const etag = lfs?.oid ?? oid;
    if (!isSafePath(path) || !isEtag(etag)) {
      return yield* new HubError({
        reason: "unusable",
        message: `Expected files with relative names and hashes, got ${JSON.stringify({ path, etag })}, at ${what}; the repository must not be used`,
      });
    }
    files.push({ path, size: lfs?.size ?? size, etag, large: lfs !== undefined });
  }
  return { commit, files };
});
