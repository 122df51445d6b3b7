/** What is said of predictions: which times failed, how badly, and what that points to. */
import type { FeedbackPart, StepResult, TestCase } from "@resd/core";
import { TIMES } from "./scene.ts";
import type { Positions } from "./simulate.ts";
import { type Prediction, TOLERANCE } from "./verify.ts";

/** Length of all feedback on one answer, in UTF-16 units. */
export const MAX_CHARS = 2000;
const MOST_SHOWN = 3;

/** Tests are named by their time, as in `t=0.5`. */
export const testId = (time: number): string => `t=${time.toFixed(1)}`;

const hundredths = (value: number): string =>
  Math.abs(value) < 1e6 ? value.toFixed(2) : value.toExponential(2);
const placesText = (places: Positions[number]): string =>
  places.map(([x, y]) => `(${hundredths(x)}, ${hundredths(y)})`).join(" ");

const messageOf = ({ distance, distances }: Extract<Prediction, { _tag: "positions" }>): string => {
  const off = distances.map((one, i) => `ball ${i + 1} by ${hundredths(one)}`).join(", ");
  const mixed = Math.max(...distances) > 100 && Math.min(...distances) < 10;
  return [
    `mean distance ${hundredths(distance)}, allowed ${TOLERANCE}; off: ${off}`,
    ...(mixed ? ["some are right and some far off: these missed a wall or another ball"] : []),
  ].join("; ");
};

const caseOf = (prediction: Prediction): TestCase => {
  const common = { id: testId(prediction.time), visibility: "public" as const };
  const input = `t = ${prediction.time}`;
  if (prediction._tag !== "positions") {
    const { _tag: status, message, printed } = prediction;
    return {
      ...common,
      status,
      input,
      message,
      ...(printed === undefined ? {} : { debug: printed }),
    };
  }
  const { passed, expected, got } = prediction;
  return {
    ...common,
    status: passed ? "passed" : "failed",
    input,
    expected: placesText(expected),
    actual: placesText(got),
    ...(passed ? {} : { message: messageOf(prediction) }),
  };
};

const passes = (prediction: Prediction): boolean =>
  prediction._tag === "positions" && prediction.passed;

/** Where right predictions end and wrong ones begin, and whether errors grow. */
const remarks = (predictions: ReadonlyArray<Prediction>): ReadonlyArray<FeedbackPart> => {
  const right = predictions.filter((one) => passes(one));
  const failed = predictions.filter((one) => !passes(one));
  const last = right.at(-1);
  const summary = [
    last === undefined
      ? "No time is predicted right."
      : `The latest time that is right is t = ${last.time}.`,
    `The earliest that is not is t = ${failed[0]?.time}.`,
  ].join(" ");
  const wrong = failed.flatMap((one) => (one._tag === "positions" ? [one] : []));
  const [first, final] = [wrong[0], wrong.at(-1)];
  const grows =
    first !== undefined && final !== undefined && final.distance > 2 * first.distance
      ? `The error grows from ${hundredths(first.distance)} at t = ${first.time} to ${hundredths(final.distance)} at t = ${final.time}: look at how contacts are found and how speeds change in them.`
      : undefined;
  return [
    { kind: "summary", text: summary },
    ...(grows === undefined ? [] : [{ kind: "hint" as const, text: grows }]),
  ];
};

/** Tests of all times; of a failure also what is shown of them. */
export const feedbackOn = (
  predictions: ReadonlyArray<Prediction>,
): Pick<StepResult, "tests" | "cases" | "feedback"> => {
  const tests = predictions.map((prediction) => caseOf(prediction));
  if (predictions.every((one) => passes(one))) return { tests };
  const broken = tests.find(({ status }) => status === "error" || status === "timeout");
  const shown = broken === undefined ? tests.filter(({ status }) => status === "failed") : [broken];
  return {
    tests,
    cases: shown.slice(0, MOST_SHOWN).map(({ id }) => id),
    feedback: { parts: remarks(predictions), leakage: "partial" },
  };
};

/** Tests of an answer in which there was nothing to run. */
export const notRun: ReadonlyArray<TestCase> = TIMES.map((time) => ({
  id: testId(time),
  visibility: "public",
  status: "skipped",
}));
