/** Numbers as people read them, with what is not known of them. */
import type { Difference, Ratio } from "./pair.ts";

/** A share as percent with one decimal. */
export const percentText = (share: number): string => (share * 100).toFixed(1);

/** A count in full, with thousands set apart. */
export const countText = (count: number): string => Math.round(count).toLocaleString("en-US");

const signed = (share: number): string => `${share < 0 ? "−" : "+"}${percentText(Math.abs(share))}`;

/** `+12.3 points (4.0 to 20.1, 5 seeds)`. */
export const pointsText = ({ median, low, high, seeds }: Omit<Difference, "values">): string =>
  median === null || low === null || high === null
    ? "not measured"
    : `${signed(median)} points (${signed(low)} to ${signed(high)}, ${seeds.length} seeds)`;

/** Three digits that mean something: `29.4`, `0.51`, `128`. */
export const timesText = (times: number): string =>
  times >= 100 ? String(Math.round(times)) : String(Number(times.toPrecision(3)));

const endsText = (low: number | null, high: number | null): string =>
  low === null || (low === 0 && high === null)
    ? "no bound"
    : high === null
      ? `≥ ${timesText(low)}`
      : low === 0
        ? `≤ ${timesText(high)}`
        : `${timesText(low)} to ${timesText(high)}`;

/** A value that may only be bounded: `29.4×`, `≥ 29.4×`, `≤ 0.8×`. */
export const boundedTimesText = (value: {
  readonly low: number;
  readonly high: number | null;
}): string => {
  const { low, high } = value;
  if (high !== null && Math.abs(high - low) <= 1e-9 * high) return `${timesText(low)}×`;
  if (low === 0 && high === null) return "unknown ×";
  return `${endsText(low, high)}×`;
};

/** `29.4× (12.0 to 40.1, 5 seeds)`, `≥ 29.4× (≥ 12.0, 5 seeds)` where seeds never got there. */
export const ratioText = ({ median, low, high, seeds }: Omit<Ratio, "values">): string =>
  median === null
    ? "a number of times that was not measured"
    : `${boundedTimesText(median)} (${endsText(low, high)}, ${seeds.length} seeds)`;

/** Seconds in full below two minutes, minutes above. */
export const secondsText = (seconds: number): string =>
  seconds < 120 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(1)} min`;
