import { attemptOf } from "@resd/testing";
import { assert, describe, it } from "vitest";
import { shortenAttempt, shortenText } from "./shorten.ts";

describe("shortenText", () => {
  it("shortenText() keeps beginning and end, and says how much is missing between", () => {
    const text = `${"a".repeat(50)}${"b".repeat(50)}`;
    assert.strictEqual(shortenText(text, 10), "aaaa\n[… 90 characters left out …]\nbbbbbb");
    assert.strictEqual(shortenText(text, 100), text);
  });

  it("shortenText() cuts through no character", () => {
    for (let longest = 1; longest < 20; longest++) {
      assert.isTrue(shortenText("🦅".repeat(20), longest).isWellFormed(), String(longest));
    }
  });
});

describe("shortenAttempt", () => {
  it("shortenAttempt() shortens what was said and reported, and leaves the task alone", () => {
    const long = "x".repeat(1000);
    const attempt = attemptOf({
      problem: long,
      answer: [long, "short"],
      results: [
        { status: "running", observation: [{ role: "user", content: long }] },
        {
          tests: [{ id: "1", visibility: "public", status: "failed", actual: long }],
          feedback: { leakage: "none", parts: [{ kind: "hint", text: long }] },
        },
      ],
    });
    const short = shortenAttempt(attempt, 100);
    assert.strictEqual(short.problem, long);
    assert.strictEqual(short.actions[1]?.content, "short");
    assert.isBelow(JSON.stringify(short).length, JSON.stringify(attempt).length - 3000);
    assert.strictEqual(shortenAttempt(attempt, Infinity), attempt);
  });
});
