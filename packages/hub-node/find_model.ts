/** From the name of a model to a folder with its files. */
import { Effect, FileSystem, Path, Schema } from "effect";
import { FetchHttpClient } from "effect/http";
import { type CachedRepository, cachedRepository } from "./cache.ts";
import { download } from "./download.ts";
import { HubError } from "./hub_error.ts";
import type { Fetch } from "./hub_requests.ts";
import { type HubSettings, readHubSettings } from "./hub_settings.ts";
import { isCommit, type ModelName, parseModelName } from "./model_name.ts";
import { type RemoteFile, type RemoteModel, readRepository } from "./repository.ts";

/** A model on this machine. */
export interface FoundModel {
  readonly folder: string;
  readonly repository: string;
  /** Names the contents for good, whatever `main` becomes. */
  readonly commit: string;
}

/** Files that are fetched where a repository has them, besides weights. */
const COMPANIONS = new Set([
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "adapter_config.json",
  "adapter_model.safetensors",
  "LICENSE",
  "LICENSE.md",
  "LICENSE.txt",
]);
const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

const Index = Schema.fromJsonString(
  Schema.Struct({ weight_map: Schema.Record(Schema.String, Schema.String) }),
);

/** The weight files that an index lists. */
const shardsOf = Effect.fnUntraced(function* (
  index: string,
): Effect.fn.Return<ReadonlyArray<string>, HubError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  return yield* fs.readFileString(index).pipe(
    Effect.flatMap(Schema.decodeEffect(Index)),
    Effect.map(({ weight_map }) => [...new Set(Object.values(weight_map))]),
    Effect.mapError(
      (error) =>
        new HubError({
          reason: "unusable",
          message: `Expected {"weight_map": {tensor: file}}, got: ${error.message}, at ${index}; give another revision or another model`,
        }),
    ),
  );
});

/** Whether a snapshot has all that a model needs. */
const isComplete = Effect.fnUntraced(function* (
  folder: string,
): Effect.fn.Return<boolean, HubError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem;
  const has = (file: string) => Effect.orElseSucceed(fs.exists(`${folder}/${file}`), () => false);
  for (const needed of ["config.json", "tokenizer.json", "tokenizer_config.json"]) {
    if (!(yield* has(needed))) return false;
  }
  if (yield* has(INDEX)) {
    for (const shard of yield* shardsOf(`${folder}/${INDEX}`)) {
      if (!(yield* has(shard))) return false;
    }
    return true;
  }
  return yield* has(SINGLE);
});

/** The snapshot of a name in the cache, if it is there and complete. */
const findCached = Effect.fnUntraced(function* (
  name: ModelName,
  repository: CachedRepository,
): Effect.fn.Return<FoundModel | undefined, HubError, FileSystem.FileSystem> {
  const commit = yield* repository.commitOf(name.revision);
  if (commit === undefined) return undefined;
  const folder = repository.snapshot(commit);
  return (yield* isComplete(folder)) ? { folder, repository: name.repository, commit } : undefined;
});

/** Downloads what the cache lacks of one commit. */
const fetchModel = Effect.fnUntraced(function* (
  fetch: Fetch,
  settings: HubSettings,
  name: ModelName,
  { commit, files }: RemoteModel,
  repository: CachedRepository,
): Effect.fn.Return<FoundModel, HubError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const folder = repository.snapshot(commit);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const need = Effect.fnUntraced(function* (file: RemoteFile) {
    const there = (at: string) => Effect.orElseSucceed(fs.exists(at), () => false);
    if (yield* there(path.join(folder, file.path))) return;
    const blob = repository.blob(file.etag);
    if (!(yield* there(blob))) {
      yield* Effect.mapError(
        fs.makeDirectory(path.dirname(blob), { recursive: true }),
        ({ message }) => new HubError({ reason: "cache", message }),
      );
      const megabytes = (file.size / 1e6).toFixed(1);
      yield* Effect.logInfo(`Downloading ${name.repository}/${file.path}, ${megabytes} MB`);
      const remote = file.path.split("/").map(encodeURIComponent).join("/");
      const url = `${settings.endpoint}/${name.repository}/resolve/${commit}/${remote}`;
      yield* download(fetch, settings, url, file, blob);
    }
    yield* repository.link(commit, file.path, file.etag);
  });
  const wanted = (file: string): Effect.Effect<RemoteFile, HubError> => {
    const found = byPath.get(file);
    return found === undefined
      ? Effect.fail(
          new HubError({
            reason: "unusable",
            message: `Expected ${file}, got none among ${files.length} files, at ${name.repository}@${commit}; give a model with weights in safetensors`,
          }),
        )
      : Effect.succeed(found);
  };
  yield* wanted("config.json");
  const adapter = byPath.has("adapter_model.safetensors");
  const index = byPath.get(INDEX);
  if (index === undefined && !adapter) yield* wanted(SINGLE);
  for (const file of files) if (COMPANIONS.has(file.path)) yield* need(file);
  if (index === undefined) {
    const single = byPath.get(SINGLE);
    if (single !== undefined) yield* need(single);
  } else {
    yield* need(index);
    for (const shard of yield* shardsOf(path.join(folder, INDEX))) {
      yield* need(yield* wanted(shard));
    }
  }
  yield* repository.remember(name.revision, commit);
  return { folder, repository: name.repository, commit };
});

/**
 * A folder with the files of a model of the hub: `org/model`, or `org/model@revision` with a branch, tag or commit.
 * A commit that is cached is never asked for again. A branch is looked up; where the hub cannot be reached, what it was
 * last time is taken, with a warning.
 */
export const findModel = Effect.fn("findModel")(function* (
  text: string,
  given?: HubSettings,
): Effect.fn.Return<FoundModel, HubError, FileSystem.FileSystem | Path.Path> {
  const name = parseModelName(text);
  if (name === undefined) {
    return yield* new HubError({
      reason: "not-found",
      message: `Expected org/model or org/model@revision, got ${JSON.stringify(text)}; write it like HuggingFaceTB/SmolLM2-135M-Instruct`,
    });
  }
  const settings = given ?? (yield* readHubSettings());
  const fetch = yield* FetchHttpClient.Fetch;
  const repository = yield* cachedRepository(settings.cache, name);
  const cached = yield* findCached(name, repository);
  if (settings.offline) {
    if (cached !== undefined) return cached;
    return yield* new HubError({
      reason: "offline",
      message: `Expected ${text} in the cache, got none or only a part, at ${settings.cache}; unset HF_HUB_OFFLINE to download it`,
    });
  }
  if (cached !== undefined && isCommit(name.revision)) return cached;
  const remote = yield* Effect.result(readRepository(fetch, settings, name));
  if (remote._tag === "Success") {
    return yield* fetchModel(fetch, settings, name, remote.success, repository);
  }
  if (remote.failure.reason !== "network" || cached === undefined) return yield* remote.failure;
  yield* Effect.logWarning(
    `${remote.failure.message}; taking ${name.repository} as it was at commit ${cached.commit}`,
  );
  return cached;
});
