/** Memory of arrays. */
import type { DType, HostArray } from "@resd/core";

/** A zeroed array in memory that all threads of the backend see. */
export const allocate = (dtype: DType, length: number): HostArray => {
  const shared = (bytes: number) => new SharedArrayBuffer(length * bytes);
  switch (dtype) {
    case "f32":
      return new Float32Array(shared(4));
    case "i32":
      return new Int32Array(shared(4));
    case "bool":
      return new Uint8Array(shared(1));
    case "f16":
      return new Uint16Array(shared(2));
  }
};
