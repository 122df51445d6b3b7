/** The sandbox seam: runs code written by a policy under limits. Hostile code is a value here, never an error. */
import { Context, type Effect } from "effect";

/** Wall time, memory, and size of the value or text that comes back. */
export interface SandboxLimits {
  readonly millis: number;
  readonly bytes: number;
  readonly outputBytes: number;
}

/** What the code came to: the value of the call, its own error, or the limit that it hit. */
export type SandboxOutcome =
  | { readonly _tag: "value"; readonly value: unknown }
  | { readonly _tag: "error" | "timeout" | "memory" | "output"; readonly message: string };

/** Runs a function of untrusted source code by its name. Arguments and value are JSON. */
export class Sandbox extends Context.Service<
  Sandbox,
  {
    readonly run: (
      code: string,
      call: { readonly name: string; readonly args: ReadonlyArray<unknown> },
      limits: SandboxLimits,
    ) => Effect.Effect<SandboxOutcome>;
  }
>()("@resd/core/Sandbox") {}
