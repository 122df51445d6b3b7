/** Messages between the service and its worker thread. One request, one answer. */
import type { DType, HostArray } from "@resd/core";

/** A value inside a program: an input, an output of the ONNX session, or the result of a primitive. */
export type Slot = number;

/** One primitive, run after the session. `inPlace` maps an output position to the input whose storage it takes over. */
export interface TailStep {
  readonly op: string;
  readonly inputs: ReadonlyArray<Slot>;
  readonly outputs: ReadonlyArray<Slot>;
  readonly attributes: Readonly<Record<string, number>>;
  readonly inPlace: ReadonlyArray<readonly [output: number, input: number]>;
}

export interface SlotInfo {
  readonly shape: ReadonlyArray<number>;
  readonly dtype: DType;
}

/** A lowered graph, ready for the worker. */
export interface Plan {
  readonly name: string;
  /** Arithmetic operations of the session, roughly: what its threads are worth. */
  readonly work: number;
  /** Bytes of values between inputs and outputs while it runs, roughly. */
  readonly working: number;
  /** The ONNX model, absent when every operation is a primitive. */
  readonly model: Uint8Array | undefined;
  readonly slots: ReadonlyArray<SlotInfo>;
  readonly inputs: ReadonlyArray<{ readonly name: string; readonly slot: Slot }>;
  /** Session inputs and outputs by ONNX name. */
  readonly feeds: ReadonlyArray<{ readonly name: string; readonly slot: Slot }>;
  readonly fetches: ReadonlyArray<{ readonly name: string; readonly slot: Slot }>;
  /** A result before all others that is no tensor, where there is one (run_session.ts). */
  readonly stop: string | undefined;
  /** Inputs that are baked into the session as initializers. */
  readonly constants: ReadonlyArray<{ readonly name: string; readonly slot: Slot }>;
  readonly tail: ReadonlyArray<TailStep>;
  readonly outputs: ReadonlyArray<{ readonly name: string; readonly slot: Slot }>;
  /** Inputs whose handles are spent by a run. */
  readonly donate: ReadonlyArray<Slot>;
}

/** Whose kernels a session runs. */
export type Provider = "cpu" | "webgpu";

export interface SessionSettings {
  readonly provider: Provider;
  readonly threads: number;
  readonly spinMicros: number;
  readonly memoryPattern: boolean;
  readonly arena: boolean;
  readonly optimization: "disabled" | "basic" | "extended" | "all";
  readonly sessionBytes: number;
}

export type Request =
  | {
      readonly kind: "put";
      readonly id: number;
      readonly data: HostArray;
      readonly shape: ReadonlyArray<number>;
      readonly dtype: DType;
    }
  | { readonly kind: "get"; readonly id: number }
  | { readonly kind: "release"; readonly ids: ReadonlyArray<number> }
  | { readonly kind: "compile"; readonly program: number; readonly plan: Plan }
  | {
      readonly kind: "run";
      readonly program: number;
      /** Handle per program input; −1 where `data` holds host values. */
      readonly handles: Int32Array;
      readonly data: ReadonlyArray<HostArray>;
      /** Handle per program output; −1: not kept. */
      readonly keep: Int32Array;
      /** Positions of outputs to send back as values. */
      readonly read: ReadonlyArray<number>;
    };

export type Answer =
  | { readonly kind: "ok"; readonly value?: HostArray }
  | { readonly kind: "ran"; readonly values: ReadonlyArray<HostArray> }
  | { readonly kind: "failed"; readonly message: string; readonly op: string };
