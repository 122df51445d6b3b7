/** Numbers of the data as places on the picture, and the ticks of an axis. */

/** A linear map from `domain` to `range`. */
export const linearScale =
  (domain: readonly [number, number], range: readonly [number, number]) =>
  (value: number): number =>
    range[0] + ((value - domain[0]) / (domain[1] - domain[0])) * (range[1] - range[0]);

/**
 * Multiples of 1, 2 or 5 times a power of ten from 0 on, in at most `count` steps, and `end` itself where the last of them
 * leaves room for it.
 */
export const ticksUpTo = (end: number, count: number): ReadonlyArray<number> => {
  const magnitude = 10 ** Math.floor(Math.log10(end / count));
  const step =
    [1, 2, 5].map((factor) => factor * magnitude).find((size) => end / size <= count) ??
    10 * magnitude;
  const round = Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
  return end - round.at(-1)! > step / 2 ? [...round, end] : round;
};

/** Places that are at least `gap` apart and as near to the wanted ones as they can be, in the same order. */
export const spacedOut = (wanted: ReadonlyArray<number>, gap: number): ReadonlyArray<number> => {
  const order = wanted.map((_, i) => i).toSorted((a, b) => wanted[a]! - wanted[b]!);
  const places = [...wanted];
  for (let i = 1; i < order.length; i++) {
    const [above, below] = [order[i - 1]!, order[i]!];
    const missing = gap - (places[below]! - places[above]!);
    if (missing <= 0) continue;
    places[below]! += missing;
    const shift = missing / 2;
    for (const moved of order.slice(0, i + 1)) places[moved]! -= shift;
  }
  return places;
};

/** The same places with at least `gap` between them and none beyond `limit`: those at the end make room upwards. */
export const keptWithin = (
  places: ReadonlyArray<number>,
  limit: number,
  gap: number,
): ReadonlyArray<number> => {
  const kept = [...places];
  let next = limit + gap;
  for (const i of kept.map((_, k) => k).toSorted((a, b) => kept[b]! - kept[a]!)) {
    kept[i] = Math.min(kept[i]!, next - gap);
    next = kept[i]!;
  }
  return kept;
};

/** A logarithmic map from `domain`, both ends above zero, to `range`. */
export const logScale =
  (domain: readonly [number, number], range: readonly [number, number]) =>
  (value: number): number =>
    linearScale([Math.log(domain[0]), Math.log(domain[1])], range)(Math.log(value));

/** 1, 2 and 5 times the powers of ten from `start` to `end`; where these are more than `count`, powers of ten alone. */
export const logTicks = (start: number, end: number, count: number): ReadonlyArray<number> => {
  const powers: Array<number> = [];
  for (let power = Math.floor(Math.log10(start)); power <= Math.log10(end); power++) {
    powers.push(10 ** power);
  }
  const within = (tick: number) => tick >= start && tick <= end;
  const all = powers.flatMap((power) => [power, 2 * power, 5 * power]).filter(within);
  return all.length <= count ? all : powers.filter(within);
};
