/** Curves made up for tests: they say nothing about any method. */
import type { RunCurve } from "./run_curve.ts";

const UPDATES = 12;
const EPISODES_PER_UPDATE = 16;

const evaluation = (perTask: number) => ({
  perTask,
  perTest: perTask,
  bestOfK: perTask,
  k: 4,
  tasks: 64,
  meanTokens: 12,
});

/** A finished run that was evaluated every twelve updates, with these successes. */
export const madeUpRun = ({
  seed,
  student,
  teacher,
  variant = "made-up",
}: {
  readonly seed: number;
  readonly student: ReadonlyArray<number>;
  readonly teacher?: ReadonlyArray<number>;
  readonly variant?: string;
}): RunCurve => ({
  variant,
  seed,
  outcome: "finished",
  curve: student.map((success, i) => {
    const taught = teacher?.[i];
    return {
      update: i * UPDATES,
      interactions: i * UPDATES * EPISODES_PER_UPDATE,
      student: evaluation(success),
      ...(taught === undefined ? {} : { teacher: evaluation(taught) }),
    };
  }),
});
