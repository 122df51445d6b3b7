import { type ProbeResult, makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { abilityChanges, abilityScores } from "./abilities.ts";
import { forgotten } from "./detect/forgetting.ts";

const reply = (id: number, correct: boolean, ability = "maths"): ProbeResult => ({
  id: `${id}`,
  ability,
  correct,
  reply: "",
  tokens: 1,
});
const passage = (id: number, logProb: number, tokens: number): ProbeResult => ({
  id: `${id}`,
  ability: "text",
  logProb,
  tokens,
});
/** As many replies as asked for, the first of them right. */
const replies = (right: number, count: number) =>
  Array.from({ length: count }, (_, i) => reply(i, i < right));

describe("abilityScores", () => {
  it("abilityScores() gives the share of right replies and the perplexity per token, ability by ability", () => {
    const scores = abilityScores([
      ...replies(3, 4),
      passage(0, -4, 2),
      passage(1, -8, 8),
      { id: "x", ability: "maths", skipped: "too long" },
    ]);
    assert.deepEqual(Object.keys(scores), ["maths", "text"]);
    assert.deepInclude(scores["maths"], { measure: "accuracy", value: 0.75, probes: 4 });
    assert.deepInclude(scores["text"], { measure: "perplexity", probes: 2 });
    assert.closeTo(scores["text"]!.value, Math.exp(12 / 10), 1e-9);
    for (const { value, low, high } of Object.values(scores)) {
      assert.isTrue(low! < value && value < high!);
    }
  });

  it("abilityScores() has no interval where there is one text, and keeps two measures of one ability apart", () => {
    const scores = abilityScores([reply(0, true, "text"), passage(1, -2, 2)]);
    assert.deepEqual(Object.keys(scores), ["text", "text (perplexity)"]);
    assert.notProperty(scores["text (perplexity)"], "low");
  });

  it("abilityScores() holds the truth in its intervals about as often as it says", () => {
    const random = makeRandom("perplexities");
    let covered = 0;
    const rounds = 1000;
    for (let round = 0; round < rounds; round++) {
      // Tokens of one passage share its difficulty: 2 nats on average, whatever its length.
      const results = Array.from({ length: 40 }, (_, i) => {
        const tokens = 5 + random.int(20);
        return passage(i, -tokens * (2 + 0.5 * random.normal()), tokens);
      });
      const { low, high } = abilityScores(results)["text"]!;
      if (Math.log(low!) <= 2 && 2 <= Math.log(high!)) covered++;
    }
    assert.closeTo(covered / rounds, 0.95, 0.025);
  });
});

describe("abilityChanges", () => {
  it("abilityChanges() compares probe by probe: replies lost and gained, nats per token", () => {
    const before = [...replies(6, 10), passage(0, -4, 2), passage(1, -8, 8)];
    const after = [
      ...replies(6, 10).map((result, i) =>
        i < 2 ? reply(i, false) : i === 9 ? reply(i, true) : result,
      ),
      passage(0, -4.2, 2),
      passage(1, -8.8, 8),
    ];
    const { maths, text } = abilityChanges(before, after);
    assert.deepInclude(maths, { before: 0.6, after: 0.5, lost: 2, gained: 1, verdict: "unclear" });
    assert.closeTo(maths!.change, -0.1, 1e-12);
    assert.closeTo(text!.change, 0.1, 1e-12);
    assert.strictEqual(text!.verdict, "worse"); // the same 0.1 nats a token in both
  });

  it("abilityChanges() of nothing is no change, with a width", () => {
    const { maths } = abilityChanges(replies(50, 100), replies(50, 100));
    assert.deepInclude(maths, { change: 0, verdict: "unclear" });
    assert.isTrue(maths!.low! < 0 && maths!.high! > 0 && maths!.high! < 0.05);
  });

  it("abilityChanges() leaves out probes that were not asked both times", () => {
    const { maths } = abilityChanges(replies(2, 4), [...replies(2, 3), reply(9, true)]);
    assert.strictEqual(maths?.probes, 3);
    assert.deepEqual(abilityChanges([], replies(1, 2)), {});
  });

  it("abilityChanges() calls chance a change about as rarely as it says", () => {
    const random = makeRandom("chance");
    let called = 0;
    const rounds = 1000;
    for (let round = 0; round < rounds; round++) {
      // Each asking is right with the same chance, that of its probe.
      const chances = Array.from({ length: 100 }, () => random.next());
      const asking = () => chances.map((chance, i) => reply(i, random.next() < chance));
      if (abilityChanges(asking(), asking())["maths"]!.verdict !== "unclear") called++;
    }
    assert.isBelow(called / rounds, 0.07);
  });
});

describe("forgotten", () => {
  it("forgotten() names the abilities that got worse by enough to matter, in one finding", () => {
    const before = [
      ...replies(90, 100),
      ...Array.from({ length: 30 }, (_, i) => passage(i, -20, 10)),
    ];
    const after = [
      ...replies(50, 100),
      ...Array.from({ length: 30 }, (_, i) => passage(i, -30 - (i % 3), 10)),
    ];
    const found = forgotten(before, after);
    assert.lengthOf(found, 1);
    assert.strictEqual(found[0]?.cause, "forgetting");
    assert.match(found[0]!.message, /maths from 90\.0 to 50\.0 % \(40 replies lost, 0 gained\)/);
    assert.match(found[0]!.message, /text from perplexity 7\.39 to 22/);
  });

  it("forgotten() says nothing of what got better, of chance, or of what hardly matters", () => {
    assert.deepEqual(forgotten(replies(50, 100), replies(90, 100)), []);
    assert.deepEqual(forgotten(replies(52, 100), replies(50, 100)), []);
    assert.deepEqual(forgotten(replies(5000, 5000), replies(4850, 5000)), []);
  });
});
