/**
 * Laws as vitest tests. A separate entry (`@resd/testing/vitest`), so that laws are usable without vitest.
 *
 * @module
 */
import { Effect, Layer, ManagedRuntime } from "effect";
import { afterAll, it } from "vitest";
import type { Law } from "./law.ts";

export interface RegisterLawsOptions {
  /** Longest time for one law; vitest's default when absent. */
  readonly timeoutMillis?: number;
}

/**
 * Registers one test per law; call it inside a `describe`. What the laws need comes from `layer`, built once for all of
 * them and closed after the last. A broken recommendation is shown as a skipped test with its message, so a suite stays
 * green while its author can see what is left.
 *
 * @example
 * ```ts
 * describe("env-kestrel", () => registerLaws(environmentLaws(kestrel, {})));
 * describe("compute-onnx", () => registerLaws(computeLaws(), { layer: layer({}) }));
 * ```
 */
export const registerLaws: {
  (laws: ReadonlyArray<Law>, options?: RegisterLawsOptions): void;
  <R, E>(
    laws: ReadonlyArray<Law<R>>,
    options: RegisterLawsOptions & { readonly layer: Layer.Layer<R, E> },
  ): void;
} = <R, E>(
  laws: ReadonlyArray<Law<R>>,
  options: RegisterLawsOptions & { readonly layer?: Layer.Layer<R, E> } = {},
): void => {
  // Without a layer the laws need nothing, so an empty context is all of it.
  const runtime = ManagedRuntime.make(options.layer ?? (Layer.empty as unknown as Layer.Layer<R>));
  afterAll(() => runtime.dispose());
  for (const { id, promise, required, run } of laws) {
    it(
      `${id}: ${promise}`,
      async ({ skip }) => {
        const failure = await runtime.runPromise(
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
