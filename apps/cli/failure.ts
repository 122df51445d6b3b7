/** What a person sees of a failure. */
import { fileFailureText } from "@resd/core";
import { Cause, PlatformError } from "effect";
import { CliError } from "effect/cli";

const messageOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error
    ? String(error.message)
    : JSON.stringify(error);

/** Failures that were foreseen have a message that says everything; for defects, where they happened is needed too. */
const isForeseen = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error;

/** The text for a cause; undefined where there is nothing left to say: an interruption, or help that has been shown. */
export const failureText = (cause: Cause.Cause<unknown>): string | undefined => {
  if (Cause.hasInterruptsOnly(cause)) return undefined;
  const error: unknown = Cause.squash(cause);
  if (CliError.isCliError(error) && error._tag === "ShowHelp") return undefined;
  if (error instanceof PlatformError.PlatformError) return fileFailureText(error);
  return isForeseen(error) ? messageOf(error) : Cause.pretty(cause);
};
