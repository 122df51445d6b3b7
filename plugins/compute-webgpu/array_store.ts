/** The arrays that the backend owns, by handle, and how host data lies on the device. */
import { type Arr, ComputeError, type DType, type HostArray } from "@resd/core";
import type { BufferPool, PooledBuffer } from "./buffer_pool.ts";
import { bytesOf } from "./schedule.ts";

export const dtypeOf = (data: HostArray): DType => {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Int32Array) return "i32";
  return data instanceof Uint8Array ? "bool" : "f16";
};

export const typeName = (dtype: DType, shape: ReadonlyArray<number>): string =>
  `${dtype} [${shape.join(", ")}]`;

/** Host data as bytes of whole words: a word for each truth value, and memory that nobody shares. */
export const toDevice = (data: HostArray): Uint8Array<ArrayBuffer> => {
  if (data instanceof Uint8Array) return new Uint8Array(Uint32Array.from(data).buffer);
  const whole = data.byteLength % 4 === 0 && data.buffer instanceof ArrayBuffer;
  if (whole) return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const copy = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  copy.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return copy;
};

/** Bytes from the device as host data of their own. */
export const toHost = (bytes: ArrayBuffer, dtype: DType, size: number): HostArray => {
  switch (dtype) {
    case "f32":
      return new Float32Array(bytes, 0, size).slice();
    case "i32":
      return new Int32Array(bytes, 0, size).slice();
    case "bool":
      return Uint8Array.from(new Uint32Array(bytes, 0, size));
    case "f16":
      return new Uint16Array(bytes, 0, size).slice();
  }
};

/** Handles of one backend are unknown to every other. */
let nextId = 1;

export class ArrayStore {
  readonly #device: GPUDevice;
  readonly #slots = new Map<number, PooledBuffer>();
  /** What spent the handles that are gone. */
  readonly #spent = new Map<number, string>();
  readonly pool: BufferPool;

  constructor(device: GPUDevice, pool: BufferPool) {
    this.#device = device;
    this.pool = pool;
  }

  get count(): number {
    return this.#slots.size;
  }

  /** A handle for a buffer. */
  own(buffer: PooledBuffer, shape: ReadonlyArray<number>, dtype: DType): Arr {
    const id = nextId++;
    this.#slots.set(id, buffer);
    return { id, shape: [...shape], dtype };
  }

  /** A buffer with a copy of host data. */
  upload(data: HostArray, dtype: DType, label: string): PooledBuffer {
    const buffer = this.pool.take(bytesOf({ size: data.length, dtype }), label);
    const bytes = toDevice(data);
    if (bytes.byteLength > 0) this.#device.queue.writeBuffer(buffer.buffer, 0, bytes);
    return buffer;
  }

  /** The buffer of a live handle; a ComputeError that says what happened to it otherwise. */
  get(array: Arr, where: string): PooledBuffer {
    const found = this.#slots.get(array.id);
    if (found !== undefined) return found;
    const name = `array ${array.id}, ${typeName(array.dtype, array.shape)}`;
    const spentBy = this.#spent.get(array.id);
    throw new ComputeError({
      op: where,
      message:
        spentBy === undefined
          ? `Expected a handle of this backend, got ${name}, at ${where}`
          : `Expected a live handle, got ${name}, which ${spentBy}, at ${where}; use the output that took its place`,
    });
  }

  /** Ends a handle without giving its buffer back. */
  spend(id: number, by: string): void {
    this.#slots.delete(id);
    this.#spent.set(id, by);
    if (this.#spent.size <= MOST_SPENT) return;
    const [oldest] = this.#spent.keys();
    this.#spent.delete(oldest!);
  }

  release(array: Arr): void {
    const buffer = this.get(array, "release");
    this.spend(array.id, "was released");
    this.pool.give(buffer);
  }
}

/** Spent handles whose end is remembered for messages. */
const MOST_SPENT = 10_000;
