/** Where the hub and its cache are, and with which rights it is asked: from the environment, as in Python. */
import { Effect, FileSystem, Path } from "effect";
import { homedir } from "node:os";

/** Everything that the environment decides. */
export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** Folder of all cached repositories. */
  readonly cache: string;
  readonly token: string | undefined;
  /** Ask nothing of the hub. */
  readonly offline: boolean;
  /** How long a server may be silent. */
  readonly timeoutMillis: number;
  /** How often a request is made again after a failure that may pass. */
  readonly retries: number;
  /** Time before the first of these; it doubles with each, up to sixteenfold. */
  readonly pauseMillis: number;
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

const isTrue = (value: string | undefined): boolean =>
  ["1", "ON", "YES", "TRUE"].includes(value?.toUpperCase() ?? "");

/** Python's expandvars and expanduser. */
const expand = (path: string, env: Environment, home: string): string =>
  path
    .replace(/\$(\w+)|\$\{(\w+)\}/gu, (whole, a?: string, b?: string) => env[a ?? b ?? ""] ?? whole)
    .replace(/^~(?=\/|$)/u, home);

const RETRIES = 5;
const PAUSE_MILLIS = 500;
const TIMEOUT_SECONDS = 10;

/** The first of these that says something. */
const firstOf = (env: Environment, ...names: ReadonlyArray<string>): string | undefined =>
  names.map((name) => env[name]).find((value) => value !== undefined && value !== "");

/** Reads the settings, and the token from its file where the environment has none. */
export const readHubSettings = Effect.fnUntraced(function* (
  env: Environment = process.env,
): Effect.fn.Return<HubSettings, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const user = firstOf(env, "HOME") ?? homedir();
  const folder = (given: string) => path.resolve(expand(given, env, user));
  const shared = firstOf(env, "XDG_CACHE_HOME") ?? path.join(user, ".cache");
  const home = folder(firstOf(env, "HF_HOME") ?? path.join(shared, "huggingface"));
  const tokenFile = folder(firstOf(env, "HF_TOKEN_PATH") ?? path.join(home, "token"));
  const implicit = isTrue(env["HF_HUB_DISABLE_IMPLICIT_TOKEN"])
    ? ""
    : yield* Effect.orElseSucceed(fs.readFileString(tokenFile), () => "");
  const token = (firstOf(env, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") ?? implicit).trim();
  const seconds = Number(env["HF_HUB_DOWNLOAD_TIMEOUT"] ?? TIMEOUT_SECONDS);
  return {
    endpoint: (firstOf(env, "HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/u, ""),
    cache: folder(firstOf(env, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? path.join(home, "hub")),
    token: token === "" ? undefined : token,
    offline: isTrue(firstOf(env, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")),
    timeoutMillis: 1000 * (seconds > 0 ? seconds : TIMEOUT_SECONDS),
    retries: RETRIES,
    pauseMillis: PAUSE_MILLIS,
  };
});
