import type { RunSummary } from "@resd/run";
import { evaluationAt } from "@resd/testing";
import { assert, describe, it } from "vitest";
import { report } from "./report.ts";

const noCosts = { rollout: 0, reflect: 0, curate: 0, evaluate: 0 };
const entry = (id: string, helpful: number, harmful: number) => ({
  key: "global",
  id,
  section: "OTHERS",
  text: `${id} is useful`,
  helpful,
  harmful,
  createdAt: 0,
  lastTaggedAt: 0,
});
const summary: RunSummary = {
  name: "kestrel",
  variant: "resd",
  seed: 4,
  updates: 60,
  interactions: 960,
  evaluationEpisodes: 512,
  wallSeconds: 61.25,
  heldOut: { before: evaluationAt(0.016), after: evaluationAt(0.9) },
  teacher: { before: evaluationAt(0.016), after: evaluationAt(0.99) },
  phases: { load: 0.5, update: 30, rollout: 12.5 },
  modelCalls: noCosts,
  generatedTokens: noCosts,
  playbook: {
    size: 10,
    added: 14,
    removed: { harmful: 3, cap: 1 },
    entries: Array.from({ length: 10 }, (_, i) => entry(`lesson-${i}`, i, 0)),
  },
  curve: [
    { update: 0, interactions: 0, student: evaluationAt(0.016), teacher: evaluationAt(0.016) },
    { update: 60, interactions: 960, student: evaluationAt(0.9), teacher: evaluationAt(0.99) },
  ],
  diagnoses: [],
  parameters: "hash",
  outcome: "finished",
  preset: "kestrel",
  environment: "kestrel",
  model: "models/kestrel",
  folder: "runs/kestrel-seed-4",
};
const plain = { columns: 80, ink: (_: unknown, text: string) => text };

describe("report", () => {
  it("report() keeps its table and its plot within a narrow terminal", () => {
    const text = report(summary, {}, { ...plain, columns: 40 });
    assert.match(text, /student +1\.6 % +90\.0 %/);
    const shown = text.split("\n\n").filter((part) => /before|┤/.test(part));
    assert.lengthOf(shown, 2);
    for (const line of shown.flatMap((part) => part.split("\n").slice(1))) {
      assert.isAtMost(line.length, 40, line);
    }
  });

  it("report() tells before and after, the curve, the playbook, the time and what to do next", () => {
    const text = report(summary, {}, plain);
    assert.match(text, /^RESD kestrel, seed 4: 60 updates, 960 interactions with kestrel\n/);
    assert.match(text, /\(64 tasks, 4 samples each\)/);
    assert.match(text, /student, bare prompt +1\.6 % +90\.0 %/);
    assert.match(text, /teacher, with the playbook +1\.6 % +99\.0 %/);
    assert.match(text, /100 % ┤.*○/);
    assert.match(
      text,
      /Playbook 10 entries \(14 added, gone: 3 harmful, 1 cap\)\n {2}\+9 −0 +lesson-9/,
    );
    assert.match(text, /… 2 more/);
    assert.match(text, /Time 61\.3 s: update 30\.0 s, rollout 12\.5 s, load 0\.5 s/);
    assert.match(text, /npm start -- eval runs\/kestrel-seed-4/);
    assert.match(text, /--seed 5/);
  });

  it("report() suggests the command line that was given, with another seed, as a shell reads it", () => {
    const args = ["--variant", "grpo", "--seed", "4", "--run-dir=a b", "--name", "x y"];
    const text = report({ ...summary, folder: "a b" }, {}, { ...plain, args });
    assert.match(text, /npm start -- eval 'a b' +measure/);
    assert.match(text, /npm start -- --variant grpo --name 'x y' --seed 5 +the same on other/);
    assert.notMatch(text, /without words/); // which would change more than words in another variant
  });

  it("report() tells what went wrong, what was forgotten, and which policy was kept", () => {
    const score = (value: number) => ({ measure: "accuracy", value, probes: 100 }) as const;
    const text = report(
      {
        ...summary,
        heldOut: { ...summary.heldOut, after: evaluationAt(0.4, { perTaskStderr: 0.04 }) },
        best: {
          update: 30,
          interactions: 480,
          measure: "perTask",
          split: "validation",
          value: 0.8,
          heldOut: evaluationAt(0.75),
        },
        diagnoses: [
          { kind: "collapsing", cause: "student-left-teacher", update: 48, message: "It fell." },
        ],
        abilities: { before: { credit: score(1) }, after: { credit: score(0.5) } },
      },
      {},
      plain,
    );
    assert.match(
      text,
      /student, bare prompt +1\.6 % +40\.0 % ± 4\.0 \(standard error over tasks\)/,
    );
    assert.match(text, /best kept, of update 30 +75\.0 %/);
    assert.match(text, /got worse, it seems \(student-left-teacher, update 48\)\n {2}It fell\./);
    assert.match(text, /credit +100\.0 % +50\.0 %/);
  });

  it("report() shows a failed attempt with its words and a solved one without", () => {
    const shown = { problem: "10: square", actions: [{ content: "10: PEF" }], feedback: "want 4" };
    const text = report(
      summary,
      {
        before: { ...shown, update: 1, success: false, reflection: { text: "square is ROK" } },
        after: { ...shown, update: 60, success: true },
      },
      plain,
    );
    assert.match(
      text,
      /One of the first attempts \(update 1\)\n.*10: square\n.*10: PEF\n.*want 4\n.*square is ROK\n/,
    );
    assert.match(
      text,
      /One of the last attempts \(update 60\)\n.*10: square\n.*10: PEF\n {2}solved\n/,
    );
  });

  it("report() leaves the teacher out where it was not measured", () => {
    const { teacher: _, ...bare } = summary;
    const curve = summary.curve.map(({ teacher: _none, ...point }) => point);
    const text = report({ ...bare, curve }, {}, plain);
    assert.notMatch(text, /teacher/);
  });
});
