/**
 * The memory that all programs compute in. Runs are queued one after another and nothing in a slot outlives its run, so all
 * programs use the same buffers: the largest slot of each lies in the largest buffer, and so on.
 */
import { BufferPool, type PooledBuffer, STORAGE } from "./buffer_pool.ts";

export class Workspace {
  readonly #pool: BufferPool;
  /** Largest first. */
  #buffers: Array<PooledBuffer> = [];
  #epoch = 0;

  constructor(device: GPUDevice, mostBytes: number) {
    this.#pool = new BufferPool(device, STORAGE(), mostBytes);
  }

  /** Grows whenever a buffer is replaced: bind groups of an earlier epoch are of no use. */
  get epoch(): number {
    return this.#epoch;
  }

  get bytes(): number {
    return this.#buffers.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Makes room for slots of these sizes, and says which buffer each lies in: by position, which stays. */
  reserve(slots: ReadonlyArray<number>, label: string): ReadonlyArray<number> {
    const order = slots.map((_, slot) => slot).toSorted((a, b) => slots[b]! - slots[a]!);
    const positions = slots.map(() => 0);
    order.forEach((slot, position) => {
      positions[slot] = position;
      const present = this.#buffers[position];
      if (present !== undefined && present.bytes >= slots[slot]!) return;
      if (present !== undefined) {
        present.buffer.destroy();
        this.#epoch += 1;
      }
      this.#buffers[position] = this.#pool.take(slots[slot]!, `workspace of ${label}`);
    });
    return positions;
  }

  at(position: number): PooledBuffer {
    return this.#buffers[position]!;
  }

  destroy(): void {
    this.#pool.destroy();
    this.#buffers = [];
  }
}
