import { type RecordedEpisode, outcomeOf } from "@resd/run";
import { assert, describe, it } from "vitest";
import { episodeTable } from "./episode_list.ts";
import { storyText } from "./episode_story.ts";

const plain = { columns: 60, ink: (_: unknown, text: string) => text };
const LONG = "a lesson that goes on and on ".repeat(8).trim();

const episode: RecordedEpisode = {
  update: 3,
  id: "0123456789abcdef",
  taskKey: "somewhere/in/a/very/long/name/of/a/task/with/a/number/17",
  problem: "What is 2 + 2?",
  sample: 1,
  initial: [{ role: "user", content: "What is 2 + 2?" }],
  actions: [
    { content: "", toolCalls: [{ id: "1", name: "add", arguments: { a: 2 } }], stop: "eos" },
    { content: "5\u001b[2J", stop: "max_tokens" },
  ],
  results: [
    {
      observation: [{ role: "tool", content: "a is missing" }],
      status: "running",
      reward: 0,
      parse: "ok",
    },
    {
      observation: [],
      status: "truncated",
      reward: 0.25,
      parse: "ok",
      tests: [{ id: "t1", visibility: "hidden", status: "failed", expected: "4", actual: "5" }],
    },
  ],
  reward: 0.25,
  success: false,
  fraction: 0,
  truncated: true,
  signal: "none:overflow",
  from: 2,
  ids: [1, 2, 3, 4, 5],
  mask: [1, 0, 1],
  logProbs: [Math.log(0.5), 0, 0],
  policyVersion: "weights-of-then",
  feedback: LONG,
  studentPrompt: "<task> What is 2 + 2?",
  playbookVersion: 4,
  weight: 1,
};

describe("storyText", () => {
  it("storyText() tells all of an attempt in order, in lines that fit, without control codes", () => {
    const reflected = {
      ...episode,
      reflection: {
        text: LONG,
        insight: "carry",
        tags: [{ entry: "c-00001", sign: "harmful" as const }],
        parse: "ok" as const,
      },
      curated: { operations: 1, text: "ADD carry" },
      teacherPrompt: `<task> ${LONG}`,
      leftOut: ["attempt"],
    };
    const cause = { update: 2, by: "curator", attempt: episode.id } as const;
    const told = storyText(
      {
        episode: reflected,
        changes: [
          {
            key: "global",
            cause,
            change: { _tag: "Tagged", tag: { entry: "c-00001", sign: "harmful" } },
          },
        ],
        update: { loss: 0.5, gradNorm: 2, parameters: "weights-after" },
        tokens: { pieces: ["<task>", "two", "a", "b", "c"] },
      },
      plain,
    );
    for (const line of told.split("\n")) assert.isAtMost(line.length, plain.columns, line);
    assert.notInclude(told, "\u001b");
    let from = 0;
    for (const part of [
      "Attempt 0123456789abcdef",
      "sample 2",
      "weights-of-then",
      "What the policy read (2 tokens)",
      "Turn 1",
      'calls add {"a":2}',
      "a is missing",
      "Turn 2",
      "5\\u001b[2J",
      "ended by max_tokens",
      "test t1 failed (hidden from every prompt)",
      "cut by length, reward 0.25",
      "Feedback",
      "lesson: carry",
      "credits: c-00001 harmful",
      "1 operation reached the playbook",
      "curator tagged c-00001 harmful",
      "signal none:overflow",
      "left out for want of room: attempt",
      "loss 0.5, gradient norm 2",
      '1 "<task>"  2 "two"',
      '50.0 %  3 "a"',
      'given  4 "b"',
    ]) {
      const at = told.indexOf(part, from);
      assert.isAtLeast(at, 0, `${part} behind ${told.slice(Math.max(0, from - 40), from)}`);
      from = at + part.length;
    }
  });

  it("storyText() says what was not recorded", () => {
    const told = storyText({ episode, tokens: { missing: "no such file" } }, plain);
    for (const part of [
      "Reflection\n  none recorded",
      "Curator\n  none recorded",
      "Playbook\n  not recorded",
      "no teacher's prompt recorded",
      "Update 3\n  not recorded: metrics.jsonl has no row of it",
      "ids alone: no such file",
    ]) {
      assert.include(told, part);
    }
    const unbegun = {
      ...episode,
      from: 0,
      actions: [],
      results: [],
      ungraded: "no server",
      signal: "none:environment-error" as const,
    };
    const short = storyText({ episode: unbegun, changes: [] }, plain);
    assert.include(short, "not graded");
    assert.include(short, "no grade: no server");
    assert.include(short, "not recorded: the episode did not begin");
    assert.include(short, "nothing changed because of this attempt");
  });
});

describe("episodeTable", () => {
  const { mask: _mask, ...outline } = episode;
  const listed = ["aaaaaaaa1", "aaaaaaaa2", "bbbbbbbbb"].map((id) => ({
    ...outline,
    id,
    tokens: 2,
  }));

  it("episodeTable() fits a narrow terminal, keeps the ends of keys and enough of the ids", () => {
    for (const columns of [60, 80, 140]) {
      const lines = episodeTable({ shown: listed, before: 5 }, { ...plain, columns }).split("\n");
      for (const line of lines) assert.isAtMost(line.length, columns, line);
      assert.include(lines[1], "… 5 before these; --last 8 shows all");
      assert.match(lines[2]!, /^aaaaaaaa1 +3 +\S*17 #2 +0\.25 +2 {2}cut by length/);
      assert.strictEqual(lines[2]!.includes(outline.signal), columns >= 80);
    }
    assert.strictEqual(outcomeOf(outline), "cut by length");
  });
});
