import type { Outcome, Replay } from "@resd/run";
import { assert, describe, it } from "vitest";
import { replayText } from "./replay_report.ts";

const failed: Outcome = {
  success: false,
  reward: 0,
  fraction: 1 / 3,
  tokens: 12,
  truncated: false,
  answer: "ten letters ".repeat(12).trim(),
  feedback: "Passed 1 of 3 tests. ".repeat(6).trim(),
};
const replay: Replay = {
  run: "runs/a-run-with-a-long-name",
  episode: {
    id: "0123456789abcdef",
    update: 3,
    taskKey: "a/task/17",
    problem: "2 + 2?",
    sample: 0,
  },
  recorded: { ...failed, weights: "weights-of-then" },
  weights: { which: "initial", version: "weights-of-then" },
  prompt: { which: "teacher", text: "…", tokens: 40 },
  sampling: { temperature: 0.6, topP: 0.95, topK: 0, maxTokens: 64, stop: [] },
  attempts: [
    { ...failed, draws: "recorded", same: true },
    { ...failed, draws: "new", same: false, ungraded: "no server" },
    { ...failed, draws: "new", same: false, success: true, reward: 1, answer: "\u001b[31m4" },
  ],
  solved: 1,
};

describe("replayText", () => {
  it("replayText() shows new attempts beside the recorded one, in lines that fit", () => {
    const text = replayText(replay, { columns: 60, ink: (_, plain) => plain });
    for (const line of text.split("\n")) assert.isAtMost(line.length, 60, line);
    assert.notInclude(text, "\u001b");
    const flat = text.replaceAll(/\s+/g, " ");
    for (const part of [
      "As recorded failed, reward 0, passed share 0.333, 12 tokens",
      "with the initial weights (weights-of-then), which it was made with",
      "what the teacher read of the attempt (40 tokens); temperature 0.6, top-p 0.95",
      "1 failed, reward 0, passed share 0.333, 12 tokens the recorded draws; token for token",
      "2 not graded",
      "no server",
      "3 solved, reward 1",
      "Solved 1 of 3; the recorded attempt was not.",
    ]) {
      assert.include(flat, part);
    }
  });
});
