/** What a benchmark prints: two sides measured in turns, and how many times better ours is. */
import { Clock, Effect } from "effect";

export interface Measurement {
  readonly name: string;
  /** Best repeat: the smallest time, or the highest rate. */
  readonly ours: number;
  /** Null where there is no peer. */
  readonly peer: number | null;
  readonly peerName: string;
  readonly unit: string;
  /** Of the best repeats; above 1 ours is better. */
  readonly ratio: number | null;
  readonly oursMedian: number;
  readonly peerMedian: number | null;
  readonly medianRatio: number | null;
  readonly repeats: number;
  readonly threads: number;
  /** Most resident memory of each side's process, where a suite measures it. */
  readonly peakBytes?: number;
  readonly peerPeakBytes?: number | null;
}

/** How a suite is to be taken. */
export interface SuiteOptions {
  readonly threads: number;
  readonly repeats: number;
  /** Takes only measurements whose name contains this text. */
  readonly only: string;
}

/** One side: does the work once and gives the milliseconds it took. */
export type Timed<E, R> = Effect.Effect<number, E, R>;

/** Work of one side: its result to be compared, and the same once more to be timed. */
export interface Side<E = never> {
  readonly name: string;
  /** Numbers that all sides must agree on; each call is one more step of what has steps. */
  readonly result: Effect.Effect<ArrayLike<number>, E>;
  readonly timed: Timed<E, never>;
}

/** How times in milliseconds become the printed number. */
export interface Unit {
  readonly name: string;
  readonly of: (milliseconds: number) => number;
  /** Whether a larger number is the better one. */
  readonly rate: boolean;
}

export const MILLISECONDS: Unit = { name: "ms", of: (time) => time, rate: false };

/** Tokens per second of work that makes `tokens` tokens. */
export const tokensPerSecond = (tokens: number): Unit => ({
  name: "tokens/s",
  of: (time) => (tokens / time) * 1000,
  rate: true,
});

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
};

/** A pause before each turn, so that the other side's idle threads have stopped waiting actively. */
const PAUSE = 60;

/**
 * Takes both sides in turns and reverses the order at every repeat, so that a change of the machine's load meets both.
 * Gives the times of each in milliseconds; without a peer ours alone.
 */
export const inTurns = Effect.fnUntraced(function* <E, R, E2 = never, R2 = never>(
  repeats: number,
  ours: Timed<E, R>,
  peer: Timed<E2, R2> | undefined,
) {
  const times = { ours: [] as Array<number>, peer: [] as Array<number> };
  const turn = (side: "ours" | "peer", work: Timed<E | E2, R | R2>) =>
    Effect.map(Effect.delay(work, PAUSE), (time) => void times[side].push(time));
  for (let repeat = 0; repeat < repeats; repeat++) {
    if (peer !== undefined && repeat % 2 === 1) yield* turn("peer", peer);
    yield* turn("ours", ours);
    if (peer !== undefined && repeat % 2 === 0) yield* turn("peer", peer);
  }
  return { ours: times.ours, peer: peer === undefined ? undefined : times.peer };
});

/** Milliseconds of an effect, by the monotonic clock. */
export const timed = <A, E, R>(work: Effect.Effect<A, E, R>): Timed<E, R> =>
  Effect.gen(function* () {
    const start = yield* Clock.currentTimeNanos;
    yield* work;
    return Number((yield* Clock.currentTimeNanos) - start) / 1e6;
  });

/** The measurement from the times of both sides in milliseconds; without times the peer is null. */
export const measurement = (options: {
  readonly name: string;
  readonly peerName: string;
  readonly unit: Unit;
  readonly threads: number;
  readonly ours: ReadonlyArray<number>;
  readonly peer: ReadonlyArray<number> | undefined;
  readonly peakBytes?: number;
  readonly peerPeakBytes?: number | null;
}): Measurement => {
  const { unit, ours, peer, name, peerName, threads, ...memory } = options;
  const ratio = (ofOurs: number, ofPeer: number) => ofPeer / ofOurs;
  const best = (times: ReadonlyArray<number>) => Math.min(...times);
  return {
    name,
    ours: unit.of(best(ours)),
    peer: peer === undefined ? null : unit.of(best(peer)),
    peerName,
    unit: unit.name,
    ratio: peer === undefined ? null : ratio(best(ours), best(peer)),
    oursMedian: unit.of(median(ours)),
    peerMedian: peer === undefined ? null : unit.of(median(peer)),
    medianRatio: peer === undefined ? null : ratio(median(ours), median(peer)),
    repeats: ours.length,
    threads,
    ...memory,
  };
};
