import { NodeServices } from "@effect/platform-node";
import { assert, describe, layer } from "@effect/vitest";
import { Effect, FileSystem } from "effect";
import { readHubSettings } from "./hub_settings.ts";

layer(NodeServices.layer)("hub_settings", (it) => {
  describe("readHubSettings", () => {
    it.effect("readHubSettings() looks for the cache where Python programs do", () =>
      Effect.gen(function* () {
        const cacheOf = (env: Record<string, string>) =>
          Effect.map(readHubSettings({ HOME: "/home/me", ...env }), ({ cache }) => cache);
        assert.strictEqual(yield* cacheOf({}), "/home/me/.cache/huggingface/hub");
        assert.strictEqual(yield* cacheOf({ XDG_CACHE_HOME: "/x" }), "/x/huggingface/hub");
        assert.strictEqual(yield* cacheOf({ HF_HOME: "~/hf" }), "/home/me/hf/hub");
        const old = { HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old" };
        assert.strictEqual(yield* cacheOf(old), "/old");
        const both = { ...old, HF_HUB_CACHE: "$HF_HOME/new" };
        assert.strictEqual(yield* cacheOf(both), "/hf/new");
      }),
    );

    it.effect("readHubSettings() takes the token from the environment, then from its file", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem;
        const HF_HOME = yield* fs.makeTempDirectoryScoped();
        const tokenOf = (env: Record<string, string>) =>
          Effect.map(readHubSettings({ HF_HOME, ...env }), ({ token }) => token);
        assert.isUndefined(yield* tokenOf({}));
        yield* fs.writeFileString(`${HF_HOME}/token`, "hf_file\n");
        assert.strictEqual(yield* tokenOf({}), "hf_file");
        assert.strictEqual(yield* tokenOf({ HF_TOKEN: " hf_env " }), "hf_env");
        assert.isUndefined(yield* tokenOf({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }));
        assert.isUndefined(yield* tokenOf({ HF_TOKEN_PATH: `${HF_HOME}/none` }));
      }),
    );

    it.effect("readHubSettings() reads switches as Python does", () =>
      Effect.gen(function* () {
        const offline = (env: Record<string, string>) =>
          Effect.map(readHubSettings(env), (settings) => settings.offline);
        for (const value of ["1", "on", "YES", "True"]) {
          assert.isTrue(yield* offline({ HF_HUB_OFFLINE: value }));
          assert.isTrue(yield* offline({ TRANSFORMERS_OFFLINE: value }));
        }
        for (const value of ["", "0", "no", "maybe"]) {
          assert.isFalse(yield* offline({ HF_HUB_OFFLINE: value }));
        }
        const other = yield* readHubSettings({
          HF_ENDPOINT: "http://127.0.0.1:80/",
          HF_HUB_DOWNLOAD_TIMEOUT: "3",
        });
        assert.strictEqual(other.endpoint, "http://127.0.0.1:80");
        assert.strictEqual(other.timeoutMillis, 3000);
      }),
    );
  });
});
