import { NodeServices } from "@effect/platform-node";
import { assert, describe, layer } from "@effect/vitest";
import { Effect, FileSystem, Path } from "effect";
import { REPOSITORY, startHub } from "./_hub_server.ts";
import { findModel } from "./find_model.ts";
import type { HubSettings } from "./hub_settings.ts";

const WEIGHTS = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
const FILES = {
  "config.json": "{}",
  "tokenizer.json": "{}",
  "tokenizer_config.json": "{}",
  "chat_template.jinja": "{{ messages }}",
  "model.safetensors": WEIGHTS,
  "pytorch_model.bin": Buffer.alloc(5000, 1),
};

/** A hub, and settings that point to it and to an empty cache. */
const start = Effect.fnUntraced(function* (
  files: Readonly<Record<string, Buffer | string>> = FILES,
) {
  const fs = yield* FileSystem.FileSystem;
  const hub = yield* startHub(files);
  const settings: HubSettings = {
    endpoint: hub.endpoint,
    cache: yield* fs.makeTempDirectoryScoped(),
    token: undefined,
    offline: false,
    timeoutMillis: 5000,
    retries: 3,
    pauseMillis: 2,
  };
  return { hub, settings };
});

/** Nothing half-done lies in the cache. */
const assertTidy = Effect.fnUntraced(function* ({ cache }: HubSettings) {
  const fs = yield* FileSystem.FileSystem;
  const names = yield* fs.readDirectory(cache, { recursive: true });
  assert.isEmpty(names.filter((name) => /incomplete|partial/u.test(name)));
});

layer(NodeServices.layer, { excludeTestServices: true })("find_model", (it) => {
  describe("findModel", () => {
    it.effect("findModel() downloads a model into the layout that Python programs use", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const path = yield* Path.Path;
        const { hub, settings } = yield* start();
        const found = yield* findModel(REPOSITORY, settings);
        const repository = `${settings.cache}/models--tests--tiny`;
        assert.strictEqual(found.folder, `${repository}/snapshots/${hub.commit}`);
        assert.strictEqual(yield* fs.readFileString(`${repository}/refs/main`), hub.commit);
        assert.sameMembers(
          yield* fs.readDirectory(found.folder),
          Object.keys(FILES).filter((name) => name !== "pytorch_model.bin"),
        );
        const weights = `${found.folder}/model.safetensors`;
        assert.deepStrictEqual(Buffer.from(yield* fs.readFile(weights)), WEIGHTS);
        const link = yield* fs.readLink(weights);
        assert.isFalse(path.isAbsolute(link));
        assert.match(link, /^\.\.\/\.\.\/blobs\/[0-9a-f]{64}$/u);
        yield* assertTidy(settings);
      }),
    );

    it.effect("findModel() asks only for the revision when everything is there", () =>
      Effect.gen(function* () {
        const { hub, settings } = yield* start();
        const { folder, commit } = yield* findModel(REPOSITORY, settings);
        hub.seen.length = 0;
        assert.strictEqual((yield* findModel(`${REPOSITORY}@v1.0`, settings)).folder, folder);
        assert.isTrue(hub.seen.every(({ path }) => path.startsWith("/api/")));
        hub.seen.length = 0;
        assert.strictEqual((yield* findModel(`${REPOSITORY}@${commit}`, settings)).folder, folder);
        assert.isEmpty(hub.seen);
      }),
    );

    it.effect("findModel() offline takes what is cached, and asks nothing", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const { hub, settings } = yield* start();
        const offline = { ...settings, offline: true };
        const none = yield* Effect.flip(findModel(REPOSITORY, offline));
        assert.strictEqual(none.reason, "offline");
        assert.include(none.message, "unset HF_HUB_OFFLINE");
        const { folder } = yield* findModel(REPOSITORY, settings);
        hub.seen.length = 0;
        assert.strictEqual((yield* findModel(REPOSITORY, offline)).folder, folder);
        yield* fs.remove(`${folder}/tokenizer.json`);
        assert.strictEqual((yield* Effect.flip(findModel(REPOSITORY, offline))).reason, "offline");
        assert.isEmpty(hub.seen);
      }),
    );

    it.effect(
      "findModel() takes the last known commit of a branch when the hub is out of reach",
      () =>
        Effect.gen(function* () {
          const { settings } = yield* start();
          const { folder } = yield* findModel(REPOSITORY, settings);
          const away = { ...settings, endpoint: "http://127.0.0.1:9", retries: 1 };
          assert.strictEqual((yield* findModel(REPOSITORY, away)).folder, folder);
          const other = yield* Effect.flip(findModel(`${REPOSITORY}@v1.0`, away));
          assert.strictEqual(other.reason, "network");
          assert.include(other.message, "http://127.0.0.1:9");
        }),
    );

    it.effect("findModel() shows its token to the hub, and to nobody it redirects to", () =>
      Effect.gen(function* () {
        const { hub, settings } = yield* start();
        hub.token = "hf_secret";
        const bare = yield* Effect.flip(findModel(REPOSITORY, settings));
        assert.strictEqual(bare.reason, "unauthorized");
        assert.include(bare.message, "got 401 RepoNotFound");
        assert.include(bare.message, "set HF_TOKEN if the model is private");
        const wrong = { ...settings, token: "hf_wrong" };
        const refused = yield* Effect.flip(findModel(REPOSITORY, wrong));
        assert.include(refused.message, "that HF_TOKEN may read this model");
        assert.notInclude(refused.message, "hf_wrong");
        hub.seen.length = 0;
        yield* findModel(REPOSITORY, { ...settings, token: "hf_secret" });
        const storage = hub.seen.filter(({ host }) => host === "storage");
        assert.lengthOf(storage, 1);
        assert.isUndefined(storage[0]!.authorization);
      }),
    );

    it.effect("findModel() says how to get at a gated model", () =>
      Effect.gen(function* () {
        const { hub, settings } = yield* start();
        hub.faults.push(["/api/", { status: 403, headers: { "x-error-code": "GatedRepo" } }]);
        const error = yield* Effect.flip(findModel(REPOSITORY, settings));
        assert.include(error.message, "accept the model's terms");
      }),
    );

    it.effect("findModel() waits and asks again after 429 and 503, and gives up in the end", () =>
      Effect.gen(function* () {
        const { hub, settings } = yield* start();
        const limited = { status: 429, headers: { "retry-after": "0" } };
        hub.faults.push(["/revision/", limited], ["/revision/", { status: 503 }]);
        hub.faults.push(["storage/model", limited], ["/resolve/", { status: 502 }]);
        yield* findModel(REPOSITORY, settings);
        assert.isEmpty(hub.faults);
        for (let i = 0; i < 4; i++) hub.faults.push(["/revision/", limited]);
        const error = yield* Effect.flip(findModel(`${REPOSITORY}@v1.0`, settings));
        assert.strictEqual(error.reason, "rate-limited");
        assert.include(error.message, "got 429");
        hub.faults.push(["/revision/", { status: 429, headers: { "retry-after": "9999" } }]);
        const long = yield* Effect.flip(findModel(`${REPOSITORY}@v1.0`, settings));
        assert.strictEqual(long.reason, "rate-limited");
      }),
    );

    it.effect("findModel() goes on where a connection broke", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const { hub, settings } = yield* start();
        hub.faults.push(["storage/", { breakAfter: 100_000 }]);
        const { folder } = yield* findModel(REPOSITORY, settings);
        const ranges = hub.seen.flatMap(({ host, range }) => (host === "storage" ? [range] : []));
        assert.lengthOf(ranges, 2);
        assert.match(ranges[1] ?? "", /^bytes=[1-9]\d*-$/u);
        const data = yield* fs.readFile(`${folder}/model.safetensors`);
        assert.deepStrictEqual(Buffer.from(data), WEIGHTS);
      }),
    );

    it.effect("findModel() begins anew where a server does not continue", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const { hub, settings } = yield* start();
        hub.ranges = false;
        hub.faults.push(["storage/", { breakAfter: 100_000 }]);
        const { folder } = yield* findModel(REPOSITORY, settings);
        const data = yield* fs.readFile(`${folder}/model.safetensors`);
        assert.deepStrictEqual(Buffer.from(data), WEIGHTS);
      }),
    );

    it.effect("findModel() does not wait for a server that has fallen silent", () =>
      Effect.gen(function* () {
        const { hub, settings } = yield* start();
        hub.faults.push(["/revision/", "silence"], ["/revision/", "silence"]);
        const hasty = { ...settings, timeoutMillis: 50, retries: 1 };
        const error = yield* Effect.flip(findModel(REPOSITORY, hasty));
        assert.strictEqual(error.reason, "network");
        assert.include(error.message, "silence");
      }),
    );

    it.effect("findModel() refuses contents that are not what the hub announced", () =>
      Effect.gen(function* () {
        const { hub, settings } = yield* start();
        hub.tampered = true;
        const error = yield* Effect.flip(findModel(REPOSITORY, settings));
        assert.strictEqual(error.reason, "corrupted");
        assert.include(error.message, "Expected contents with hash");
        yield* assertTidy(settings);
      }),
    );

    it.effect("findModel() says which name, revision or file there is not", () =>
      Effect.gen(function* () {
        const { settings } = yield* start();
        const failing = (name: string) => Effect.flip(findModel(name, settings));
        assert.strictEqual((yield* failing("tests/other")).reason, "not-found");
        assert.include((yield* failing(`${REPOSITORY}@v9`)).message, "a revision that exists");
        assert.include((yield* failing("./tiny")).message, "Expected org/model");
        const { settings: bare } = yield* start({ "config.json": "{}", "model.bin": "" });
        const unusable = yield* Effect.flip(findModel(REPOSITORY, bare));
        assert.strictEqual(unusable.reason, "unusable");
        assert.include(unusable.message, "Expected model.safetensors, got none among 2 files");
      }),
    );

    it.effect(
      "findModel() fetches all shards of an index, and refuses files that leave the cache",
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem;
          const { "model.safetensors": _, ...others } = FILES;
          const sharded = (shard: string) => ({
            ...others,
            "model.safetensors.index.json": JSON.stringify({ weight_map: { a: shard } }),
            "model-00001-of-00001.safetensors": WEIGHTS,
          });
          const { settings } = yield* start(sharded("model-00001-of-00001.safetensors"));
          const { folder } = yield* findModel(REPOSITORY, settings);
          assert.isTrue(yield* fs.exists(`${folder}/model-00001-of-00001.safetensors`));
          const { settings: missing } = yield* start(sharded("../../../secret"));
          const outside = yield* Effect.flip(findModel(REPOSITORY, missing));
          assert.include(outside.message, "Expected ../../../secret, got none among");
          const { settings: hostile } = yield* start({ ...FILES, "../evil.json": "{}" });
          const error = yield* Effect.flip(findModel(REPOSITORY, hostile));
          assert.strictEqual(error.reason, "unusable");
          assert.include(error.message, "../evil.json");
        }),
    );
  });
});
