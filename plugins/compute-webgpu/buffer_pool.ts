/** Buffers of the device, used again by size. */
import { ComputeError } from "@resd/core";
import { GPUBufferUsage } from "./device.ts";

/** A buffer with a number that is never given out twice, which names it in keys. */
export interface PooledBuffer {
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

/** Idle bytes that are kept: a step's results of a small model, little of a big one. */
const MOST_IDLE = 512 * 2 ** 20;

/** Sizes are rounded up, by at most an eighth, so that shapes which differ little share buffers. */
export const sizeClass = (bytes: number): number => {
  if (bytes <= 4096) return Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
};

export const STORAGE = (): number =>
  GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

export const READING = (): number => GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;

/** Gives out and takes back buffers of one usage. Work is queued in order, so a buffer is free as soon as its last use is queued. */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #usage: number;
  readonly #most: number;
  readonly #free = new Map<number, Array<PooledBuffer>>();
  readonly #all = new Set<PooledBuffer>();
  #idle = 0;
  #next = 1;

  constructor(device: GPUDevice, usage: number, mostBytes: number) {
    this.#device = device;
    this.#usage = usage;
    this.#most = mostBytes;
  }

  /** A buffer of at least so many bytes, with any contents. */
  take(bytes: number, label: string): PooledBuffer {
    const rounded = Math.min(sizeClass(bytes), Math.max(bytes, this.#most));
    if (bytes > this.#most) {
      throw new ComputeError({
        op: label,
        message: `Expected buffers of at most ${this.#most} bytes, which this adapter can hold, got ${bytes} bytes for ${label}; use fewer rows a batch, a smaller model, or another adapter`,
      });
    }
    const found = this.#free.get(rounded)?.pop();
    if (found !== undefined) {
      this.#idle -= found.bytes;
      return found;
    }
    const buffer = this.#device.createBuffer({ label, size: rounded, usage: this.#usage });
    const made = { id: this.#next++, buffer, bytes: rounded };
    this.#all.add(made);
    return made;
  }

  give(buffer: PooledBuffer): void {
    if (this.#idle + buffer.bytes > MOST_IDLE) {
      this.#all.delete(buffer);
      buffer.buffer.destroy();
      return;
    }
    const list = this.#free.get(buffer.bytes);
    if (list === undefined) this.#free.set(buffer.bytes, [buffer]);
    else list.push(buffer);
    this.#idle += buffer.bytes;
  }

  /** Bytes on the device, in use and idle. */
  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#all) sum += bytes;
    return sum;
  }

  destroy(): void {
    for (const { buffer } of this.#all) buffer.destroy();
    this.#all.clear();
    this.#free.clear();
  }
}
