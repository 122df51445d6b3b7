import { type TaskScores, makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { crossFit } from "./cross_fit.ts";
import { meanOf } from "./interval.ts";
import { evaluationOf } from "./task_scores.ts";

const scoresOf = (success: (task: number) => ReadonlyArray<boolean>, tasks = 16) =>
  Array.from({ length: tasks }, (_, task): TaskScores => {
    const samples = success(task);
    return {
      task: `${task}`,
      success: samples,
      fraction: samples.map(Number),
      tokens: samples.map(() => 1),
      truncated: samples.map(() => false),
      ungraded: 0,
    };
  });

describe("crossFit", () => {
  it("crossFit() is the value of the best evaluation, where there is no doubt about it", () => {
    const evaluations = [0.25, 0.75, 0.5].map((share) =>
      scoresOf(() => [0, 1, 2, 3].map((sample) => sample < 4 * share)),
    );
    assert.closeTo(crossFit(evaluations, 4, "perTask")!, 0.75, 1e-12);
  });

  it("crossFit() takes away what the best of equally good evaluations is too good by", () => {
    const [naive, fitted]: [Array<number>, Array<number>] = [[], []];
    for (let round = 0; round < 40; round++) {
      const random = makeRandom("equals", round);
      const evaluations = Array.from({ length: 10 }, () =>
        scoresOf(() => [0, 1].map(() => random.next() < 0.5)),
      );
      naive.push(Math.max(...evaluations.map((scores) => evaluationOf(scores, 2).perTask)));
      fitted.push(crossFit(evaluations, 2, "perTask")!);
    }
    assert.isAbove(meanOf(naive), 0.6);
    assert.closeTo(meanOf(fitted), 0.5, 0.04);
  });

  it("crossFit() cannot be told of one task, or of none", () => {
    assert.isUndefined(crossFit([scoresOf(() => [true], 1)], 1, "perTask"));
    assert.isUndefined(crossFit([], 4, "perTask"));
  });
});
