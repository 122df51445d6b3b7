/** What crosses between the event loop and a worker: plain data, the value of a call as its JSON. */
import type { SandboxLimits } from "@resd/core";

/** One call of a function of some code. */
export interface GuestCall {
  readonly code: string;
  /** Of a function at the top level of the code. */
  readonly name: string;
  /** JSON of the list of arguments. */
  readonly args: string;
  readonly limits: SandboxLimits;
}

/** How a call ended; `json` is well-formed JSON within the limits. */
export type GuestEnding =
  | { readonly _tag: "value"; readonly json: string }
  | { readonly _tag: "error" | "timeout" | "memory" | "output"; readonly message: string };

/** What a call came to. */
export interface GuestOutcome {
  readonly ending: GuestEnding;
  readonly printed: string;
}

/** What a worker says: that it is ready, then one outcome for each call. */
export type FromWorker =
  | { readonly _tag: "ready" }
  | {
      readonly _tag: "done";
      readonly outcome: GuestOutcome;
      /** The engine is in no state for another call. */
      readonly damaged: boolean;
    };
