/** The sandbox seam: runs code written by a policy under limits. Hostile code is a value here, never an error. */
import { Context, type Effect } from "effect";
import type { EnvironmentInfraError } from "./environment.ts";

/** What one call may use: of wall time, of memory, and of room for what comes back. Depth of recursion is the sandbox's own. */
export interface SandboxLimits {
  /** From the first line of the code to the value, by the clock. */
  readonly millis: number;
  readonly bytes: number;
  /** UTF-8 bytes of the value as JSON, and as many of what the code prints. */
  readonly outputBytes: number;
  /**
   * Jumps and calls that the code may make. Unlike time this is the same on every machine and under any load, so a
   * grader that is to be repeatable sets it well below what `millis` has room for. A sandbox that cannot count goes by
   * `millis` alone.
   */
  readonly steps?: number;
}

/**
 * What the code came to: the value of the call, its own error, or the limit that it hit (`timeout` for both `millis` and
 * `steps`), with what it had printed by then. Messages quote the code: cut and clean them before they become feedback.
 */
export type SandboxOutcome = (
  | { readonly _tag: "value"; readonly value: unknown }
  | { readonly _tag: "error" | "timeout" | "memory" | "output"; readonly message: string }
) & { readonly printed?: string };

/**
 * Runs a function of untrusted source code by its name, in a world of its own: nothing of one call is left for the next.
 * Arguments and value are JSON. Fails only when there is no sandbox to be had, whatever the code.
 */
export class Sandbox extends Context.Service<
  Sandbox,
  {
    readonly run: (
      code: string,
      call: { readonly name: string; readonly args: ReadonlyArray<unknown> },
      limits: SandboxLimits,
    ) => Effect.Effect<SandboxOutcome, EnvironmentInfraError>;
  }
>()("@resd/core/Sandbox") {}
