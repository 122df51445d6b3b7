import type { Evaluation, RunEvent } from "@resd/core";
import { assert, describe, it } from "vitest";
import { follow, millisLeft, millisPerUpdate, noProgress } from "./progress.ts";
import { block, clock, coloured, evaluationText, progressLine, uncoloured } from "./render.ts";

const evaluation = (perTask: number): Evaluation => ({
  perTask,
  perTest: perTask,
  bestOfK: perTask,
  bestPerTest: perTask,
  bestOfKBootstrap: perTask,
  bestPerTestBootstrap: perTask,
  perTaskStderr: 0,
  perTestStderr: 0,
  bestOfKStderr: 0,
  bestPerTestStderr: 0,
  k: 4,
  tasks: 64,
  attempts: 256,
  meanTokens: 10,
  truncated: 0,
});
const started: RunEvent = {
  _tag: "Started",
  name: "kestrel",
  seed: 3,
  updates: 60,
  facts: { environment: "kestrel", parameters: 802_560, backend: "onnx" },
};
const updated = (update: number): RunEvent => ({
  _tag: "Updated",
  update,
  report: {
    loss: 0.123456,
    gradNorm: 1,
    teacherDrift: 0,
    paramDeltaNorm: 0,
    logProbGap: 0,
    policyVersion: "v",
    samples: [],
  },
  metrics: { "train/success": 0.25, loss: 0.123456, "playbook/size": 1, reflections: 12 },
});
const evaluated = (update: number, student: number, teacher?: number): RunEvent => ({
  _tag: "Evaluated",
  update,
  interactions: 0,
  student: evaluation(student),
  ...(teacher === undefined ? {} : { teacher: evaluation(teacher) }),
  seconds: 2,
});
const evaluationEnded: RunEvent = {
  _tag: "PhaseEnded",
  update: 2,
  phase: "evaluate",
  seconds: 2,
};
const phase = (name: "rollout" | "evaluate"): RunEvent => ({
  _tag: "PhaseStarted",
  update: 0,
  phase: name,
  waitingFor: "16 answers of the student",
});

/** Events with the moments, in milliseconds, at which they came. */
const after = (...events: ReadonlyArray<readonly [RunEvent, number]>) =>
  events.reduce((progress, [event, now]) => follow(progress, event, now), noProgress(0));

const halfway = after(
  [started, 100],
  [phase("evaluate"), 200],
  [evaluated(0, 0.02, 0.02), 2200],
  [phase("rollout"), 3000],
  [updated(0), 4000],
  [updated(1), 5000],
);

describe("progress", () => {
  it("millisPerUpdate() counts neither loading nor evaluations", () => {
    assert.strictEqual(millisPerUpdate(halfway, 5000), 1000);
    const evaluating = follow(halfway, phase("evaluate"), 5000);
    assert.strictEqual(millisPerUpdate(evaluating, 9000), 1000);
    assert.strictEqual(millisPerUpdate(follow(evaluating, evaluationEnded, 7000), 7000), 1000);
    assert.isUndefined(millisPerUpdate(noProgress(0), 10));
  });

  it("millisLeft() adds updates and evaluations to come, at their rates so far", () => {
    assert.strictEqual(millisLeft(halfway, 5000), 58 * 1000 + 2000);
    const measured = follow(follow(halfway, phase("evaluate"), 5000), evaluationEnded, 7000);
    const spaced = follow(measured, evaluated(2, 0.1), 7000);
    assert.strictEqual(millisLeft(spaced, 7000), 58 * 1000 + 29 * 2000);
    assert.isUndefined(millisLeft(after([started, 0]), 10));
  });
});

describe("render", () => {
  it("block() says how far the run is, what it waits for, and how it does", () => {
    const measured = follow(halfway, evaluated(2, 0.104, 0.5), 5000);
    const progress = follow(measured, phase("rollout"), 5100);
    const lines = block(progress, 6600, 120, uncoloured);
    assert.strictEqual(lines[0], "RESD kestrel · seed 3 · kestrel · 0.8 M parameters · onnx");
    assert.match(lines[1]!, /^update 2\/60 █░+ · 1\.8 s\/update · \d+:\d\d left$/);
    assert.strictEqual(lines[2], "rollout: waiting for 16 answers of the student, 1.5 s");
    assert.strictEqual(
      lines[3],
      "attempts solved 25.0 % · 12 reflections · loss 0.123 · playbook 1 entry",
    );
    assert.strictEqual(
      lines[4],
      "held-out success after 2 updates: student 10.4 %, teacher 50.0 % (student before: 2.0 %)",
    );
  });

  it("block() fits the width, with colours too", () => {
    assert.match(
      block(halfway, 5000, 40, uncoloured).join("\n"),
      /^held-out 2\.0 %, teacher 2\.0 %$/m, // not the sentence, cut off before its number
    );
    for (const columns of [10, 40, 79]) {
      for (const style of [uncoloured, coloured]) {
        for (const line of block(halfway, 5000, columns, style)) {
          assert.isAtMost(line.replaceAll(/\u001b\[\d+m/g, "").length, columns); // oxlint-disable-line no-control-regex
        }
      }
    }
  });

  it("block() shows what is loaded before the run has a name", () => {
    const loading = after([
      { _tag: "PhaseStarted", update: 0, phase: "load", waitingFor: "the model in models/kestrel" },
      0,
    ]);
    assert.deepEqual(block(loading, 500, 80, uncoloured), [
      "load: waiting for the model in models/kestrel, 0.5 s",
    ]);
  });

  it("progressLine() and evaluationText() are one line each, without colours", () => {
    assert.strictEqual(
      progressLine(halfway, 5000),
      "update 2/60 · 1.0 s/update · 1:00 left · attempts solved 25.0 % · 12 reflections · loss 0.123 · playbook 1 entry",
    );
    assert.strictEqual(
      evaluationText(halfway),
      "held-out success after 0 updates: student 2.0 %, teacher 2.0 %",
    );
  });

  it("clock() tells hours, minutes and seconds", () => {
    assert.deepEqual([7000, 750_000, 3_723_000].map(clock), ["0:07", "12:30", "1:02:03"]);
  });
});
