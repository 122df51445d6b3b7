/** The arrays that the worker owns, and the buffers that it uses again. */
import type { DType, HostArray } from "@resd/core";
import * as ort from "onnxruntime-node";
import { leaveGarbage } from "./garbage.ts";
import { allocate } from "./memory.ts";
import type { SlotInfo } from "./protocol.ts";

export interface Stored {
  readonly data: HostArray;
  readonly shape: ReadonlyArray<number>;
  readonly dtype: DType;
  /** Made once per array: feeding the same weights again costs nothing. */
  tensor?: ort.Tensor;
}

const ORT_TYPE = { f32: "float32", i32: "int32", bool: "bool", f16: "float16" } as const;

/** The ONNX Runtime view of an array; shares its memory. */
export const tensorOf = (array: Stored): ort.Tensor => {
  array.tensor ??= new ort.Tensor(
    ORT_TYPE[array.dtype] as "float32",
    array.data as Float32Array,
    array.shape as Array<number>,
  );
  return array.tensor;
};

export const sizeOf = (shape: ReadonlyArray<number>): number =>
  shape.reduce((product, size) => product * size, 1);

/** Largest number of idle bytes the pool keeps: more than a step's activations of a small model, little for a big one. */
const POOL_BYTES = 512 * 2 ** 20;

/** Free buffers by type and length. Outputs of every run come from here, so steady training allocates nothing. */
class BufferPool {
  readonly #free = new Map<string, Array<HostArray>>();
  #bytes = 0;

  take(dtype: DType, length: number): HostArray {
    const list = this.#free.get(`${dtype}:${length}`);
    const found = list?.pop();
    if (found === undefined) return allocate(dtype, length);
    this.#bytes -= found.byteLength;
    return found;
  }

  give(dtype: DType, data: HostArray): void {
    // Views into larger buffers and buffers of the host are left to the garbage collector.
    if (data.byteLength !== data.buffer.byteLength) return;
    if (this.#bytes + data.byteLength > POOL_BYTES) return leaveGarbage(data.byteLength);
    const key = `${dtype}:${data.length}`;
    const list = this.#free.get(key);
    if (list === undefined) this.#free.set(key, [data]);
    else list.push(data);
    this.#bytes += data.byteLength;
  }
}

/** Arrays by handle. A missing handle is one that was released or donated. */
export class ArrayStore {
  readonly #arrays = new Map<number, Stored>();
  readonly pool = new BufferPool();

  set(id: number, array: Stored): void {
    this.#arrays.set(id, array);
  }

  get(id: number): Stored {
    const found = this.#arrays.get(id);
    if (found === undefined) {
      throw new Error(
        `Expected a live array, got handle ${id} that was released or donated; keep the output that replaced it`,
      );
    }
    return found;
  }

  /** Forgets the handle without giving its memory back: the memory lives on in another array. */
  forget(id: number): void {
    this.#arrays.delete(id);
  }

  release(id: number): void {
    const found = this.#arrays.get(id);
    if (found === undefined) return;
    this.#arrays.delete(id);
    this.pool.give(found.dtype, found.data);
  }

  /** A fresh array with undefined contents. */
  make(info: SlotInfo): Stored {
    return {
      data: this.pool.take(info.dtype, sizeOf(info.shape)),
      shape: info.shape,
      dtype: info.dtype,
    };
  }

  get count(): number {
    return this.#arrays.size;
  }
}
