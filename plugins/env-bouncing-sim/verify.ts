/** Runs a program for every time that is asked for, and measures how far off it is. */
import { type EnvironmentInfraError, Sandbox, type SandboxOutcome, quote } from "@resd/core";
import { Effect } from "effect";
import { TIMES } from "./scene.ts";
import type { Positions } from "./simulate.ts";

/** The function that a program has to define. */
export const FUNCTION = "predict_position";

/** Jumps and calls of one prediction: about a second of usual code, and the same on every machine. */
export const MOST_STEPS = 20_000_000;

/** Where counting does not help, inside one long operation of the engine, the clock decides. */
const LIMITS = { millis: 5000, bytes: 2 ** 25, outputBytes: 10_000, steps: MOST_STEPS };

/** Times at which a program may run out of time or memory; those after them are not run. */
const MOST_EXHAUSTED = 2;

/** Mean distance from where the balls are, in units, up to which a prediction is right. */
export const TOLERANCE = 50;

/** What a program came to at one time. */
export type Prediction =
  | {
      readonly _tag: "positions";
      readonly time: number;
      readonly got: Positions[number];
      readonly expected: Positions[number];
      /** Of each ball from where it is. */
      readonly distances: ReadonlyArray<number>;
      /** Mean of the distances, in thousandths. */
      readonly distance: number;
      readonly passed: boolean;
    }
  | {
      readonly _tag: "error" | "timeout";
      readonly time: number;
      readonly message: string;
      readonly printed?: string;
    };

/** Text of a program as feedback may quote it: on one line, without control characters. */
const shown = (text: string, length: number): string =>
  quote(
    text
      .toWellFormed()
      .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
      .trim(),
    length,
  );

const isPair = (value: unknown): value is readonly [number, number] =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every((one) => typeof one === "number" && Number.isFinite(one));

const thousandths = (value: number): number => Math.round(value * 1000) / 1000;

const measured = (time: number, value: unknown, expected: Positions[number]): Prediction => {
  if (!Array.isArray(value) || value.length !== expected.length || !value.every(isPair)) {
    const message = `Expected a list of ${expected.length} pairs [x, y] of numbers, got ${shown(JSON.stringify(value), 80)}`;
    return { _tag: "error", time, message };
  }
  const got: Positions[number] = value;
  const distances = got.map(([x, y], i) => Math.hypot(x - expected[i]![0], y - expected[i]![1]));
  const distance = thousandths(distances.reduce((sum, one) => sum + one, 0) / distances.length);
  return {
    _tag: "positions",
    time,
    got,
    expected,
    distances,
    distance,
    passed: distance <= TOLERANCE,
  };
};

const predictionOf = (
  time: number,
  outcome: SandboxOutcome,
  expected: Positions[number],
): Prediction => {
  if (outcome._tag === "value") return measured(time, outcome.value, expected);
  const printed = outcome.printed === undefined ? {} : { printed: shown(outcome.printed, 150) };
  if (outcome._tag === "timeout") {
    const message = `Stopped: more than ${MOST_STEPS / 1e6} million loop turns and calls, or ${LIMITS.millis / 1000} seconds. Take larger time steps, or solve for the moments of contact.`;
    return { _tag: "timeout", time, message, ...printed };
  }
  return { _tag: "error", time, message: shown(outcome.message, 250), ...printed };
};

/** Predictions for all times, each from a fresh start of the program. */
export const verify = Effect.fnUntraced(function* (
  code: string,
  positions: Positions,
): Effect.fn.Return<ReadonlyArray<Prediction>, EnvironmentInfraError, Sandbox> {
  const sandbox = yield* Sandbox;
  const predictions: Array<Prediction> = [];
  let exhausted = 0;
  for (const [i, time] of TIMES.entries()) {
    if (exhausted >= MOST_EXHAUSTED) {
      const message = `Not run, because ${MOST_EXHAUSTED} times before there was not enough time or memory.`;
      predictions.push({ _tag: "timeout", time, message });
      continue;
    }
    const outcome = yield* sandbox.run(code, { name: FUNCTION, args: [time] }, LIMITS);
    if (outcome._tag === "timeout" || outcome._tag === "memory") exhausted++;
    predictions.push(predictionOf(time, outcome, positions[i]!));
  }
  return predictions;
});
