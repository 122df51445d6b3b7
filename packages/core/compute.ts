/**
 * The compute seam: the only one that sees numbers. Static shapes; one program per graph; arrays stay where the
 * backend keeps them and are named by opaque handles.
 */
import { Context, type Effect, Schema } from "effect";
import type { Graph } from "@resd/tensor";

/** Element types of arrays; f16 is storage, arithmetic may be wider. */
export type DType = "f32" | "f16" | "i32" | "bool";

/** A handle of an array that the backend owns. Using it after `release` or donation is a ComputeError. */
export interface Arr {
  readonly id: number;
  readonly shape: ReadonlyArray<number>;
  readonly dtype: DType;
}

/** Host data: Float32Array for f32, Int32Array for i32, Uint8Array for bool; f16 as the bits in a Uint16Array. */
export type HostArray = Float32Array | Int32Array | Uint8Array | Uint16Array;

/** A backend refused or failed: a spent handle, a wrong shape, an operation it lacks, a device that went away. */
export class ComputeError extends Schema.TaggedError<ComputeError>()("ComputeError", {
  message: Schema.String,
  /** The operation, program or array that failed. */
  op: Schema.String,
}) {}

/** What one run gives back: outputs named in `read` as host values, all others as handles that the caller owns. */
export interface RunResult {
  readonly arrays: Readonly<Record<string, Arr>>;
  readonly values: Readonly<Record<string, HostArray>>;
}

/** A compiled graph: runs as often as asked, with the shapes it was traced for. */
export interface Program {
  readonly name: string;
  /** Inputs by name: a handle, or host data that is copied for this run. One message to the backend. */
  readonly run: (
    inputs: Readonly<Record<string, Arr | HostArray>>,
    options?: { readonly read?: ReadonlyArray<string> },
  ) => Effect.Effect<RunResult, ComputeError>;
  /** Bytes the program holds, and its peak while running, as far as the backend knows. */
  readonly bytes: { readonly persistent: number; readonly peak: number };
}

/** What a backend may take for granted of a program's inputs, by name. */
export interface CompileOptions {
  /** Inputs whose storage may become an output's: the handle is spent by the run. */
  readonly donate?: ReadonlyArray<string>;
  /** Inputs that change rarely. A backend may bake and pre-pack them, and rebuilds when another handle comes. */
  readonly constant?: ReadonlyArray<string>;
}

/** A backend: owns arrays, compiles graphs. Everything put or returned stays until it is released or donated. */
export interface ComputeShape {
  readonly info: {
    readonly name: string;
    readonly adapter?: string;
    readonly software: boolean;
    readonly dtypes: ReadonlyArray<DType>;
    /** Bytes that a kernel sees of one array; of larger ones it sees some rows at a time. */
    readonly maxBinding: number;
    /** Bytes of one array, at most. */
    readonly maxBuffer: number;
    readonly threads: number;
    /** Same inputs, same bits, on this machine with these threads. */
    readonly deterministic: boolean;
  };
  readonly put: (
    data: HostArray,
    shape: ReadonlyArray<number>,
    dtype?: DType,
  ) => Effect.Effect<Arr, ComputeError>;
  readonly get: (array: Arr) => Effect.Effect<HostArray, ComputeError>;
  readonly release: (arrays: ReadonlyArray<Arr>) => Effect.Effect<void, ComputeError>;
  readonly compile: (
    graph: Graph,
    options?: CompileOptions,
  ) => Effect.Effect<Program, ComputeError>;
}

/** The backend of a run. */
export class Compute extends Context.Service<Compute, ComputeShape>()("@resd/core/Compute") {}
