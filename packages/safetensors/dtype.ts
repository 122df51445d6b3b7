/** Element types of the format, their sizes, and the host arrays that hold them. */

/** Bits per element of every dtype a header may name; sub-byte types are packed. */
const BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2: 8,
  F8_E5M2FNUZ: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  I64: 64,
  U64: 64,
  F64: 64,
} as const;

/** A dtype that a header may name. */
export type StoredDType = keyof typeof BITS;

export const isStoredDType = (name: string): name is StoredDType => Object.hasOwn(BITS, name);

/** Bits of one element. */
export const bitsOf = (dtype: StoredDType): number => BITS[dtype];

/** What reading gives: floats up to 32 bits as f32, integers as they are. */
export type TensorData =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** dtypes that can be read and written; others are listed by a header and copied by nobody. */
export type HostedDType = "F32" | "F16" | "BF16" | "F64" | "I32" | "I64" | "U8" | "BOOL";

/** The types that can be read into host memory. */
export const HOSTED_DTYPES: ReadonlyArray<HostedDType> = [
  "F32",
  "F16",
  "BF16",
  "F64",
  "I32",
  "I64",
  "U8",
  "BOOL",
];

export const isHostedDType = (dtype: StoredDType): dtype is HostedDType =>
  (HOSTED_DTYPES as ReadonlyArray<string>).includes(dtype);

/** A zeroed host array for `length` elements of a dtype. */
export const allocate = (dtype: HostedDType, length: number): TensorData => {
  switch (dtype) {
    case "F32":
    case "F16":
    case "BF16":
      return new Float32Array(length);
    case "F64":
      return new Float64Array(length);
    case "I32":
      return new Int32Array(length);
    case "I64":
      return new BigInt64Array(length);
    case "U8":
    case "BOOL":
      return new Uint8Array(length);
  }
};
