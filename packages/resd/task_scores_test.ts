import { type TaskScores, makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { attemptAt } from "./_attempt.ts";
import { meanOf } from "./interval.ts";
import type { Rollout } from "./rollout_request.ts";
import {
  evaluationOf,
  expectedBest,
  measureEstimate,
  pairedDifference,
  taskScores,
} from "./task_scores.ts";

const rollout = (key: string, sample: number, success: boolean, fraction: number): Rollout => ({
  row: { key, task: 0, problem: "" },
  prompt: [],
  attempt: attemptAt(key, { sample, success, fraction, mask: Uint8Array.of(1, 1, 0, 1) }),
});
const ungraded = { reason: "none:environment-error", message: "", brokenTask: false } as const;

const scoresOf = (task: string, fraction: ReadonlyArray<number>): TaskScores => ({
  task,
  success: fraction.map((share) => share === 1),
  fraction,
  tokens: fraction.map(() => 3),
  truncated: fraction.map(() => false),
  ungraded: 0,
});

describe("taskScores", () => {
  it("taskScores() lists the graded samples of each task in order, and counts the others", () => {
    const cut = rollout("b", 0, true, 1);
    assert.deepEqual(
      taskScores([
        rollout("a", 0, false, 0.5),
        { ...rollout("a", 1, false, 0), ungraded },
        { ...cut, attempt: { ...cut.attempt, truncated: true } },
      ]),
      [
        {
          task: "a",
          success: [false],
          fraction: [0.5],
          tokens: [3],
          truncated: [false],
          ungraded: 1,
        },
        { task: "b", success: [true], fraction: [1], tokens: [3], truncated: [true], ungraded: 0 },
      ],
    );
  });
});

describe("evaluationOf", () => {
  it("evaluationOf() averages over tasks: mean@k, and best@k as the plain maximum and by bootstrap", () => {
    const measured = evaluationOf(
      [scoresOf("a", [1, 0.5, 0, 0]), scoresOf("b", [0.25, 0.25, 0.25, 0.25])],
      4,
    );
    assert.deepEqual(measured, {
      perTask: 0.125,
      perTest: (0.375 + 0.25) / 2,
      bestOfK: 0.5,
      bestPerTest: (1 + 0.25) / 2,
      bestOfKBootstrap: (1 - 0.75 ** 4) / 2,
      bestPerTestBootstrap: (1 - 0.75 ** 4 + 0.5 * (0.75 ** 4 - 0.5 ** 4) + 0.25) / 2,
      perTaskStderr: 0.125,
      perTestStderr: 0.0625,
      bestOfKStderr: 0.5,
      bestPerTestStderr: 0.375,
      k: 4,
      tasks: 2,
      attempts: 8,
      meanTokens: 3,
      truncated: 0,
    });
  });

  it("evaluationOf() leaves out what could not be graded, so a down server is no failure of the policy", () => {
    const down = { ...rollout("b", 0, false, 0), ungraded };
    const measured = evaluationOf(
      taskScores([rollout("a", 0, true, 1), { ...rollout("a", 1, false, 0), ungraded }, down]),
      2,
    );
    assert.include(measured, { perTask: 1, bestOfKBootstrap: 1, tasks: 1, attempts: 1 });
  });

  it("evaluationOf() orders its measures: mean, bootstrap, maximum, for any scores", () => {
    const random = makeRandom("orders");
    for (let round = 0; round < 200; round++) {
      const k = 1 + random.int(8);
      const tasks = Array.from({ length: 1 + random.int(9) }, (_, i) =>
        scoresOf(
          `${i}`,
          Array.from({ length: k }, () => random.int(5) / 4),
        ),
      );
      const { perTask, bestOfK, bestOfKBootstrap, ...measured } = evaluationOf(tasks, k);
      const ascending = [
        [perTask, bestOfKBootstrap, bestOfK],
        [measured.perTest, measured.bestPerTestBootstrap, measured.bestPerTest],
      ];
      for (const [low = 0, middle = 0, high = 0] of ascending) {
        assert.isTrue(low <= middle + 1e-12 && middle <= high + 1e-12, `${[low, middle, high]}`);
      }
      assert.isAtMost(perTask, measured.perTest + 1e-12);
    }
  });
});

describe("expectedBest", () => {
  it("expectedBest() is what the released code's bootstrap tends to", () => {
    // 1 − (1 − c/4)⁴ for c = 1 … 4.
    const shares = [0.684, 0.938, 0.996, 1];
    shares.forEach((share, i) => {
      const values = [1, 2, 3, 4].map((sample) => (sample <= i + 1 ? 1 : 0));
      assert.closeTo(expectedBest(values, 4), share, 5e-4);
    });
  });

  it("expectedBest() is the mean over all draws with replacement, one by one", () => {
    const values = [0.2, 0.9, 0.9, 0];
    const maxima: Array<number> = [];
    for (const a of values) {
      for (const b of values) for (const c of values) maxima.push(Math.max(a, b, c));
    }
    assert.closeTo(expectedBest(values, 3), meanOf(maxima), 1e-12);
  });
});

describe("measureEstimate", () => {
  it("measureEstimate() has the value of the evaluation, and counts a best of k once", () => {
    const tasks = Array.from({ length: 30 }, (_, i) => scoresOf(`${i}`, [i % 2, 0, 1, 0]));
    const evaluation = evaluationOf(tasks, 4);
    assert.closeTo(measureEstimate(tasks, "perTask").value, evaluation.perTask, 1e-12);
    const best = measureEstimate(tasks, "bestOfK");
    assert.strictEqual(best.value, 1);
    assert.closeTo(best.low, 1 - 0.1135, 1e-3); // 30 tasks, not 120 attempts
  });
});

describe("pairedDifference", () => {
  it("pairedDifference() compares task by task, so what tasks have in common cancels", () => {
    const hard = Array.from({ length: 20 }, (_, i) => scoresOf(`${i}`, [i / 20, 0]));
    const easier = hard.map((task) => scoresOf(task.task, [task.fraction[0]! + 0.1, 0.1]));
    const { value, low, high } = pairedDifference(hard, easier, "perTest");
    assert.closeTo(value, 0.1, 1e-12);
    assert.closeTo(high - low, 0, 1e-9);
  });

  it("pairedDifference() counts the tasks that both have", () => {
    const { value } = pairedDifference(
      [scoresOf("a", [0]), scoresOf("b", [0])],
      [scoresOf("b", [1]), scoresOf("c", [0])],
      "perTask",
    );
    assert.strictEqual(value, 1);
  });
});
