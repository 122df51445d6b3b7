/** Sessions at rest: each keeps memory of its own, and there is one for every shape. */

/** What can give its memory back, and takes it again when it is used. */
export interface Resting {
  /** Bytes kept between runs, roughly. */
  readonly held: number;
  readonly close: () => Promise<void>;
}

/** Keeps the sum of what rests below a limit, by closing what has not been used for the longest time. */
export class SessionCache {
  readonly #limit: number;
  /** The least recently used first. */
  readonly #order = new Set<Resting>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes held by all that is open. */
  get held(): number {
    return [...this.#order].reduce((sum, one) => sum + one.held, 0);
  }

  /** Says that `used` has just been run. It is never closed itself, however much it holds. */
  async touch(used: Resting): Promise<void> {
    this.#order.delete(used);
    this.#order.add(used);
    let held = this.held;
    for (const one of this.#order) {
      if (held <= this.#limit || one === used) return;
      this.#order.delete(one);
      held -= one.held;
      await one.close();
    }
  }
}
