import { evaluationAt } from "@resd/testing";
import type { Estimates, Measurement } from "@resd/run";
import { assert, describe, it } from "vitest";
import { type Recorded, measuredText, recordedText } from "./eval_report.ts";

const plain = (_: unknown, text: string): string => text;
const estimates = (value: number): Estimates => {
  const one = { value, low: value - 0.05, high: value + 0.05 };
  return { perTask: one, bestOfK: one, perTest: one, bestPerTest: one };
};
const measured: Measurement = {
  run: "runs/a",
  model: "runs/a/model",
  split: "heldOut",
  seed: 1,
  bare: evaluationAt(0.8),
  withPlaybook: evaluationAt(0.9),
  playbookEntries: 16,
  estimates: {
    bare: estimates(0.8),
    withPlaybook: estimates(0.9),
    playbookEffect: estimates(0.02),
  },
  files: ["runs/a/eval/001.json"],
};

describe("measuredText", () => {
  it("measuredText() shows each number with its interval, and what the playbook adds", () => {
    const text = measuredText(measured, estimates(0.7), plain);
    assert.match(text, /as the run measured it +70\.0 \[65, 75\]/);
    assert.match(text, /trained, bare prompt +80\.0 \[75, 85\]/);
    assert.match(text, /with its playbook \(16\) +90\.0 \[85, 95\]/);
    assert.match(text, /the playbook's effect +\+2\.0 \[-3, \+7\]/);
    for (const line of text.split("\n")) assert.isAtMost(line.length, 102);
  });

  it("measuredText() says so, when the playbook is empty", () => {
    const { withPlaybook: _, ...bare } = measured;
    const text = measuredText(
      { ...bare, playbookEntries: 0, estimates: { bare: estimates(0.8) } },
      undefined,
      plain,
    );
    assert.match(text, /the playbook is empty/);
    assert.notMatch(text, /effect|as the run/);
  });

  it("measuredText() lists abilities before and after, and says why there is no before", () => {
    const score = (value: number) => ({ measure: "accuracy", value, probes: 10 }) as const;
    const abilities = {
      before: { reflection: score(0.96) },
      after: { reflection: score(0.5) },
      changes: {
        reflection: {
          measure: "accuracy",
          before: 0.96,
          after: 0.5,
          change: -0.46,
          probes: 100,
          lost: 47,
          gained: 1,
          verdict: "worse",
        },
      },
    } as const;
    const text = measuredText({ ...measured, abilities }, undefined, plain);
    assert.match(text, /reflection +96\.0 % +50\.0 % +worse: 47 lost, 1 gained/);
    const { after } = abilities;
    const alone = measuredText(
      { ...measured, abilities: { after, missing: "the weights are others" } },
      undefined,
      plain,
    );
    assert.match(alone, /reflection +– +50\.0 %/);
    assert.match(alone, /Before is not known: the weights are others/);
  });
});

describe("recordedText", () => {
  it("recordedText() marks the evaluation that is picked and the one that was kept", () => {
    const recorded: Recorded = {
      run: "runs/a",
      split: "heldOut",
      tasks: 64,
      k: 4,
      curve: [0, 6, 12].map((update, i) => ({
        update,
        interactions: 16 * update,
        estimates: estimates(0.3 * (i + 1)),
        rankSum: 12 - 4 * i,
      })),
      picked: 12,
      crossFit: 0.88,
      kept: { update: 6, split: "validation" },
    };
    const text = recordedText(recorded, plain);
    assert.match(text, /update 12, 192 episodes +90\.0 \[85, 95\].* 4\.0 {2}picked\n/);
    assert.match(text, /update 6, .*kept\n/);
    assert.match(text, /update 12, success 90\.0 % on the tasks that picked it, 88\.0 % on tasks/);
  });
});
