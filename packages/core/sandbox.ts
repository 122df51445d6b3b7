/** The sandbox seam: runs code written by a policy under limits. Hostile code is a value here, never an error. */
import { Context, type Effect } from "effect";

export interface SandboxLimits {
  readonly millis: number;
  readonly bytes: number;
  readonly outputBytes: number;
}
export type SandboxOutcome =
  | { readonly _tag: "value"; readonly value: unknown }
  | { readonly _tag: "error" | "timeout" | "memory" | "output"; readonly message: string };

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
