/** Requests to the hub: with the token where it belongs, again after failures that pass, and with errors that say what to do. */
import { Duration, Effect } from "effect";
import { HubError } from "./hub_error.ts";
import type { HubSettings } from "./hub_settings.ts";

/** What `fetch` is called with. */
export type Fetch = typeof globalThis.fetch;

const PASSING = new Set([408, 429, 500, 502, 503, 504]);
const LONGEST_WAIT_MILLIS = 60_000;

/** How long a server asks to be left alone; undefined where it does not say. */
const retryAfter = (response: Response): number | undefined => {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? 1000 * seconds : undefined;
};

/** What an unsuccessful answer means for a person. */
export const refusalOf = (response: Response, what: string, settings: HubSettings): HubError => {
  const { status } = response;
  const code = response.headers.get("x-error-code") ?? "";
  const said = `got ${status}${code === "" ? "" : ` ${code}`} from ${settings.endpoint}, at ${what}`;
  if (status === 401 || status === 403) {
    // The hub answers 401 for names that do not exist, so as not to tell which private ones do.
    const advice =
      code === "GatedRepo"
        ? "accept the model's terms on its page, and set HF_TOKEN to a token of that account"
        : settings.token === undefined
          ? "check the name, or set HF_TOKEN if the model is private"
          : "check the name, and that HF_TOKEN may read this model";
    return new HubError({
      reason: "unauthorized",
      message: `Expected access to the model, ${said}; ${advice}`,
    });
  }
  if (status === 404) {
    const missing = code === "RevisionNotFound" ? "a revision that exists" : "a model that exists";
    return new HubError({
      reason: "not-found",
      message: `Expected ${missing}, ${said}; check its name`,
    });
  }
  return status === 429
    ? new HubError({
        reason: "rate-limited",
        message: `Expected an answer, ${said}, ${settings.retries + 1} times; wait, or set HF_TOKEN, which has a higher limit`,
      })
    : new HubError({ reason: "network", message: `Expected an answer, ${said}; try again later` });
};

/** The error of a connection that failed or fell silent. */
export const unreachable = (what: string, settings: HubSettings, cause: unknown): HubError => {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const said = inner instanceof Error ? inner.message : String(inner);
  return new HubError({
    reason: "network",
    message: `Expected an answer from ${settings.endpoint}, got ${said || "none"}, at ${what}; check the connection, or set HF_HUB_OFFLINE=1 to use what is cached`,
  });
};

/** Makes one request as often as `settings.retries` allow. Any status but those that may pass is given back. */
export const request = Effect.fnUntraced(function* (
  fetch: Fetch,
  settings: HubSettings,
  url: string,
  what: string,
  headers: Readonly<Record<string, string>> = {},
): Effect.fn.Return<Response, HubError> {
  const { token, endpoint, timeoutMillis, retries, pauseMillis } = settings;
  // Redirects leave the hub for other hosts, and fetch takes this header off when they do.
  const own = token !== undefined && new URL(url).origin === new URL(endpoint).origin;
  const once = Effect.tryPromise({
    try: (signal) =>
      fetch(url, {
        headers: { ...headers, ...(own ? { authorization: `Bearer ${token}` } : {}) },
        signal,
      }),
    catch: (cause) => unreachable(what, settings, cause),
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeoutMillis,
      orElse: () =>
        Effect.fail(unreachable(what, settings, `silence for ${timeoutMillis / 1000} s`)),
    }),
  );
  for (let attempt = 0; ; attempt++) {
    const last = attempt === retries;
    const answer = yield* Effect.result(once);
    if (answer._tag === "Failure") {
      if (last) return yield* answer.failure;
    } else if (last || !PASSING.has(answer.success.status)) {
      return answer.success;
    }
    const asked = answer._tag === "Success" ? retryAfter(answer.success) : undefined;
    if (asked !== undefined && asked > LONGEST_WAIT_MILLIS && answer._tag === "Success") {
      return answer.success;
    }
    if (answer._tag === "Success") yield* Effect.promise(async () => answer.success.body?.cancel());
    yield* Effect.sleep(Duration.millis(asked ?? pauseMillis * 2 ** Math.min(attempt, 4)));
  }
});
