/**
 * The backend's threads beside its worker: they share the loops over long arrays, whose memory all of them see. Blocks
 * are claimed one by one, so a thread that the machine keeps busy elsewhere takes fewer.
 */
import { Worker } from "node:worker_threads";
import { countBlocks, type LoopName, sumsOf, workThrough } from "./loops.ts";

/** A loop that a member joins. */
export interface Call {
  readonly loop: LoopName;
  /** Arrays that the member has not seen yet. */
  readonly arrays: ReadonlyArray<readonly [id: number, data: Float32Array]>;
  /** Arrays that are no longer in use. */
  readonly gone: ReadonlyArray<number>;
  /** Ids of the arrays of every call, `arity` each. */
  readonly ids: Int32Array;
  readonly arity: number;
  readonly sums: Float64Array;
  /** Next block to be claimed, blocks finished. */
  readonly counters: Int32Array;
}

const NEXT = 0;
const FINISHED = 1;

/** Claims and works through blocks of a call until none is left. */
export const join = (
  { loop, sums, counters }: Pick<Call, "loop" | "sums" | "counters">,
  calls: ReadonlyArray<ReadonlyArray<Float32Array>>,
): void =>
  workThrough(
    loop,
    calls,
    sums,
    () => Atomics.add(counters, NEXT, 1),
    () => {
      if (Atomics.add(counters, FINISHED, 1) + 1 === sums.length) {
        Atomics.notify(counters, FINISHED);
      }
    },
  );

/** Blocks from which waking the others pays: they wake within about the time of two. */
const WORTH_SHARING = 4;

export class Team {
  readonly #size: number;
  #members: ReadonlyArray<Worker> | undefined;
  readonly #ids = new WeakMap<Float32Array, number>();
  readonly #collected = new FinalizationRegistry<number>((id) => this.#gone.push(id));
  #gone: Array<number> = [];
  #nextId = 0;

  /** @param threads of the backend, its worker included */
  constructor(threads: number) {
    this.#size = threads - 1;
  }

  /** Runs a loop over the arrays of every call; the calls must not depend on each other. Gives the sum of each. */
  run(loop: LoopName, calls: ReadonlyArray<ReadonlyArray<Float32Array>>): ReadonlyArray<number> {
    const blocks = countBlocks(calls);
    // A member would get a clone of memory that is not shared, and what it writes there would be lost.
    const seenByAll = calls.every((call) =>
      call.every((array) => array.buffer instanceof SharedArrayBuffer),
    );
    if (this.#size === 0 || blocks < WORTH_SHARING || !seenByAll) {
      const sums = new Float64Array(blocks);
      let next = 0;
      workThrough(loop, calls, sums, () => next++);
      return sumsOf(calls, sums);
    }
    const sums = new Float64Array(new SharedArrayBuffer(blocks * 8));
    const counters = new Int32Array(new SharedArrayBuffer(8));
    this.#call({ loop, sums, counters }, calls);
    join({ loop, sums, counters }, calls);
    for (;;) {
      const finished = Atomics.load(counters, FINISHED);
      if (finished === blocks) return sumsOf(calls, sums);
      Atomics.wait(counters, FINISHED, finished);
    }
  }

  #call(
    shared: Pick<Call, "loop" | "sums" | "counters">,
    calls: ReadonlyArray<ReadonlyArray<Float32Array>>,
  ): void {
    this.#members ??= Array.from({ length: this.#size }, () => {
      const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
      const member = new Worker(new URL(`./team_member.${extension}`, import.meta.url));
      member.unref();
      return member;
    });
    const arrays: Array<readonly [number, Float32Array]> = [];
    const ids = calls.flatMap((call) =>
      call.map((array) => {
        const known = this.#ids.get(array);
        if (known !== undefined) return known;
        const id = this.#nextId++;
        this.#ids.set(array, id);
        this.#collected.register(array, id);
        arrays.push([id, array]);
        return id;
      }),
    );
    const call: Call = {
      ...shared,
      arrays,
      gone: this.#gone,
      ids: Int32Array.from(ids),
      arity: calls[0]!.length,
    };
    this.#gone = [];
    for (const member of this.#members) member.postMessage(call);
  }
}
