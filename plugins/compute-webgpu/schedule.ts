/** What a graph becomes: values with storage, and kernels in the order in which they run. */
import type { ConstantData, DType, Shape } from "@resd/tensor";

/** A value of a schedule that has storage of its own, by position in `Schedule.values`. */
export type ValueId = number;

/** How elements of a dtype lie in a buffer: bool takes a word an element. */
export type Element = "f32" | "i32" | "u32" | "f16";

export const elementOf = (dtype: DType): Element => (dtype === "bool" ? "u32" : dtype);

/** Bytes of an element in a buffer. */
export const elementBytes = (dtype: DType): number => (dtype === "f16" ? 2 : 4);

export interface Value {
  /** For people: the operation or input that it comes from. */
  readonly label: string;
  readonly size: number;
  readonly dtype: DType;
}

/** Bytes of a value's storage: whole 16-byte vectors, at least one. */
export const bytesOf = ({ size, dtype }: Pick<Value, "size" | "dtype">): number =>
  Math.max(16, Math.ceil((size * elementBytes(dtype)) / 16) * 16);

/** One buffer that a kernel sees; `modify` reads and writes. */
export interface Binding {
  readonly value: ValueId;
  readonly access: "read" | "modify";
}

/** One dispatch. Binding 0 is the uniform of `numbers`, the others follow in order. */
export interface Kernel {
  /** Operation, variant and sizes: what errors and profiles call it. */
  readonly label: string;
  readonly wgsl: string;
  readonly bindings: ReadonlyArray<Binding>;
  readonly numbers: Uint32Array;
  readonly workgroups: readonly [x: number, y: number];
}

/** A graph as kernels. */
export interface Schedule {
  readonly name: string;
  readonly values: ReadonlyArray<Value>;
  readonly inputs: ReadonlyArray<{
    readonly name: string;
    readonly value: ValueId;
    readonly shape: Shape;
    readonly dtype: DType;
    readonly donated: boolean;
  }>;
  readonly constants: ReadonlyArray<{ readonly value: ValueId; readonly data: ConstantData }>;
  readonly kernels: ReadonlyArray<Kernel>;
  /** Values that live in the storage of another, which nobody reads after they were written. */
  readonly inPlace: ReadonlyMap<ValueId, ValueId>;
  /** Values that are a piece of another, so many bytes after its begin. */
  readonly windows: ReadonlyMap<ValueId, { readonly of: ValueId; readonly offset: number }>;
  readonly outputs: ReadonlyArray<{
    readonly name: string;
    readonly value: ValueId;
    readonly shape: Shape;
    readonly dtype: DType;
  }>;
}
