/** Laws as data: what every implementation of a seam must keep, runnable by any test runner, the CLI, or nobody. */
import { Cause, Effect, Schema } from "effect";

/** A broken law: what it expected, what it got, and where to look. */
export class LawError extends Schema.TaggedError<LawError>()("LawError", {
  message: Schema.String,
  expected: Schema.String,
  actual: Schema.String,
  hint: Schema.String,
}) {}

/** One promise of a seam. */
export interface Law<R = never> {
  /** `seam.subject.rule`: stable, so that reports of different versions can be compared. */
  readonly id: string;
  /** The promise as a sentence. */
  readonly promise: string;
  /** A broken recommendation (`false`) is reported, but does not fail a suite. */
  readonly required: boolean;
  readonly run: Effect.Effect<void, LawError, R>;
}

/** How one law went. */
export interface LawResult {
  readonly id: string;
  readonly promise: string;
  readonly required: boolean;
  readonly passed: boolean;
  readonly expected?: string;
  readonly actual?: string;
  readonly hint?: string;
}

/** Longest value shown in a message: a 400 kB answer must not become a 400 kB report. */
const SHOWN = 600;

/** A value as it appears in a message. */
export const shown = (value: unknown): string => {
  const text =
    typeof value === "string"
      ? JSON.stringify(value)
      : ArrayBuffer.isView(value)
        ? `${value.constructor.name} [${Array.from(value as Float32Array).join(", ")}]`
        : (JSON.stringify(value) ?? String(value));
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${text.length} characters)`;
};

/** A broken promise, as an error. */
export const broken = (expected: string, actual: unknown, hint: string): LawError => {
  const got = typeof actual === "string" && actual !== "" ? actual : shown(actual);
  return new LawError({
    message: `Expected ${expected}, got ${got}; ${hint}`,
    expected,
    actual: got,
    hint,
  });
};

/** Fails with a LawError unless `holds`. `actual` is only looked at when the promise is broken. */
export const demand = (
  holds: boolean,
  expected: string,
  actual: unknown,
  hint: string,
): Effect.Effect<void, LawError> =>
  holds ? Effect.void : Effect.suspend(() => Effect.fail(broken(expected, actual, hint)));

/**
 * Makes a law of an effect that demands things. Errors and defects that are not LawErrors count as broken promises, with
 * their whole cause as what was got.
 */
export const law = <E, R>(
  id: string,
  promise: string,
  run: Effect.Effect<unknown, E, R>,
  options: { readonly required?: boolean } = {},
): Law<R> => ({
  id,
  promise,
  required: options.required ?? true,
  run: Effect.asVoid(run).pipe(
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.interrupt;
      const error = Cause.squash(cause);
      return Effect.fail(
        error instanceof LawError
          ? error
          : broken(
              "no failure",
              Cause.pretty(cause),
              "the law could not be checked: see the cause",
            ),
      );
    }),
  ),
});

/** Runs laws one after another and reports each; never fails. */
export const checkLaws = <R>(
  laws: ReadonlyArray<Law<R>>,
): Effect.Effect<ReadonlyArray<LawResult>, never, R> =>
  Effect.forEach(laws, ({ id, promise, required, run }) =>
    run.pipe(
      Effect.as<LawResult>({ id, promise, required, passed: true }),
      Effect.catch(({ expected, actual, hint }) =>
        Effect.succeed<LawResult>({ id, promise, required, passed: false, expected, actual, hint }),
      ),
    ),
  );
