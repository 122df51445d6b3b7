/**
 * Laws as vitest tests. A separate entry (`@resd/testing/vitest`), so that laws are usable without vitest.
 *
 * @module
 */
import { Effect } from "effect";
import { it } from "vitest";
import type { Law } from "./law.ts";

/**
 * Registers one test per law; call it inside a `describe`. A broken recommendation is shown as a skipped test with its
 * message, so a suite stays green while its author can see what is left.
 *
 * @example
 * ```ts
 * describe("env-kestrel", () => registerLaws(environmentLaws(kestrel, {})));
 * ```
 */
export const registerLaws = (
  laws: ReadonlyArray<Law>,
  options: { readonly timeoutMillis?: number } = {},
): void => {
  for (const { id, promise, required, run } of laws) {
    it(
      `${id}: ${promise}`,
      async ({ skip }) => {
        const failure = await Effect.runPromise(
          run.pipe(
            Effect.as(undefined),
            Effect.catch((error) => Effect.succeed(error)),
          ),
        );
        if (failure === undefined) return;
        if (required) throw failure;
        skip(`recommended: ${failure.message}`);
      },
      options.timeoutMillis,
    );
  }
};
