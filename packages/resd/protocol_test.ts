import { Result, Schema } from "effect";
import { assert, describe, it } from "vitest";
import { EvaluationStages, evaluationDue, isOver } from "./protocol.ts";

/** The counts at which a run that opens `step` episodes an update is evaluated. */
const measuredAt = (
  at: typeof EvaluationStages.Type,
  step: number,
  end: number,
): ReadonlyArray<number> => {
  const counts = [0];
  for (let updates = 1; updates * step <= end; updates++) {
    const now = { updates, interactions: updates * step };
    if (evaluationDue({ every: 1, at }, now, counts.at(-1)!)) counts.push(now.interactions);
  }
  return counts;
};

const stages = [{ every: 64, upTo: 960 }, { every: 512 }] as const;

describe("evaluationDue()", () => {
  it("evaluationDue() counts updates where no stages say otherwise", () => {
    const due = [1, 2, 3, 4].filter((updates) =>
      evaluationDue({ every: 2 }, { updates, interactions: 16 * updates }, 0),
    );
    assert.deepEqual(due, [2, 4]);
  });

  it("evaluationDue() holds at the multiples of each stage, when updates are small", () => {
    const counts = measuredAt(stages, 16, 2100);
    assert.deepEqual(counts.slice(0, 4), [0, 64, 128, 192]);
    assert.deepEqual(counts.slice(-4), [960, 1024, 1536, 2048]);
  });

  it("evaluationDue() holds once for all counts that one large update passes", () => {
    assert.deepEqual(
      measuredAt(stages, 128, 2100),
      [0, 128, 256, 384, 512, 640, 768, 896, 1024, 1536, 2048],
    );
    assert.deepEqual(measuredAt(stages, 1000, 4000), [0, 1000, 2000, 3000, 4000]);
  });

  it("evaluationDue() never holds behind the last stage", () => {
    assert.deepEqual(measuredAt([{ every: 50, upTo: 120 }], 10, 500), [0, 50, 100]);
  });
});

describe("EvaluationStages", () => {
  it("refuse stages that end before the one before", () => {
    const read = Schema.decodeUnknownResult(EvaluationStages);
    assert.isTrue(Result.isSuccess(read(stages)));
    for (const wrong of [
      [],
      [{ every: 1 }, { every: 2 }],
      [
        { every: 1, upTo: 5 },
        { every: 1, upTo: 5 },
      ],
    ]) {
      assert.isTrue(Result.isFailure(read(wrong)), JSON.stringify(wrong));
    }
  });
});

describe("isOver()", () => {
  const now = { updates: 4, interactions: 64 };

  it("isOver() holds from a number of interactions on", () => {
    assert.isFalse(isOver({ interactions: 65 }, now, []));
    assert.isTrue(isOver({ interactions: 64 }, now, []));
    assert.isFalse(isOver(undefined, now, [1, 1, 1]));
  });

  it("isOver() holds when success has been high at so many evaluations in a row", () => {
    const rule = { heldOut: { atLeast: 0.5, evaluations: 2 } };
    assert.isFalse(isOver(rule, now, [0.5]));
    assert.isFalse(isOver(rule, now, [0.6, 0.4, 0.6]));
    assert.isTrue(isOver(rule, now, [0.1, 0.5, 0.6]));
  });
});
