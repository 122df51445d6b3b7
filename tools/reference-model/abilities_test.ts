import { makeRandom } from "@resd/core";
import { type Operation, isOperation, mnemonicsFor } from "@resd/env-kestrel/language";
import { assert, describe, it } from "vitest";
import { type Generate, measureAbilities } from "./abilities.ts";
import { abilityTable, rateOf } from "./abilities_rate.ts";
import type { Words } from "./documents_attempts.ts";
import { curate, reflect } from "./oracle.ts";

const OPTIONS = { seed: 1, samples: 300, programTemperature: 1, reflectionTemperature: 1 };

const sectionOf = (words: Words, control: string): string => {
  const start = words.indexOf(control);
  const rest = words.slice(start + 1);
  const end = rest.findIndex((word) => word.startsWith("<"));
  return start < 0 ? "" : rest.slice(0, end < 0 ? undefined : end).join(" ");
};
const entriesOf = (text: string): ReadonlyArray<string> => text.match(/\S+ is \S+/g) ?? [];

/** A perfect reader that knows nothing of conventions: it looks words up, and guesses where there is no entry. */
const perfect: Generate = (prompts, { seed }) => {
  const random = makeRandom("perfect", seed);
  return Promise.resolve(
    prompts.map((words) => {
      const playbook = entriesOf(sectionOf(words, "<pb>"));
      const plan = sectionOf(words, "<task>");
      if (words.at(-1) === "<cur>") {
        const insight = sectionOf(words, "<ref>").replace("insight ", "");
        return curate(playbook, insight === "none" ? undefined : insight).split(" ");
      }
      if (words.at(-1) === "<ref>") {
        const attempt = sectionOf(words, "<try>");
        return reflect({ plan, attempt, feedback: sectionOf(words, "<fb>") }).text.split(" ");
      }
      const lookUp = (operation: Operation): string =>
        playbook.find((entry) => entry.startsWith(`${operation} is `))?.split(" ")[2] ??
        random.pick(mnemonicsFor(operation));
      return plan.split(" ").flatMap((word) => (isOperation(word) ? [word, lookUp(word)] : [word]));
    }),
  );
};
const silent: Generate = (prompts) => Promise.resolve(prompts.map(() => []));

describe("measureAbilities", () => {
  it("measureAbilities() gives a perfect reader all that can be read, and luck where nothing can be", async () => {
    const abilities = await measureAbilities(perfect, OPTIONS);
    const rates = Object.fromEntries(abilities.map(({ id, rate }) => [id, rate.share]));
    for (const id of [
      "playbook",
      "teacher-raw",
      "teacher",
      "lessons-written",
      "lessons-true",
      "reflection-exact",
      "credit-exact",
      "curator-known",
      "curator-new",
      "tags-precision",
      "tags-recall",
    ]) {
      assert.strictEqual(rates[id], 1, id);
    }
    assert.isBelow(rates["none"] ?? 1, 0.06);
    assert.isBelow(rates["feedback"] ?? 1, 0.06);
    // Half of the lines are wrong, and few of them in the words of a wrong entry.
    assert.closeTo(rates["tags-unresolved"] ?? 0, 0.65, 0.1);
    assert.strictEqual(rates["tags-misquoted"], 0);
    for (const { id, rate } of abilities) {
      if (!id.startsWith("tags")) assert.strictEqual(rate.total, OPTIONS.samples, id);
      assert.isTrue(rate.low <= rate.share && rate.share <= rate.high);
    }
  });

  it("measureAbilities() gives a silent model nothing, and no share where nothing was said", async () => {
    for (const { id, rate } of await measureAbilities(silent, { ...OPTIONS, samples: 20 })) {
      assert.strictEqual(rate.hits, 0, id);
      if (["lessons-true", "tags-precision", "tags-unresolved", "tags-misquoted"].includes(id)) {
        assert.isNaN(rate.share);
      }
    }
  });

  it("measureAbilities() counts tags against the oracle's, sign by sign and entry by entry", async () => {
    const harsh: Generate = async (prompts, options) =>
      (await perfect(prompts, options)).map((words, i) =>
        prompts[i]?.at(-1) === "<ref>"
          ? "10: square ROK 4 8 did double bad insight none".split(" ")
          : words,
      );
    const abilities = await measureAbilities(harsh, OPTIONS);
    const rate = (id: string) => abilities.find((one) => one.id === id)?.rate;
    assert.strictEqual(rate("tags-unresolved")?.total, OPTIONS.samples);
    assert.isAbove(rate("tags-precision")?.total ?? 0, 40); // a quarter of the playbooks says `square is ROK`
    assert.isBelow(rate("tags-precision")?.share ?? 1, 0.2);
    assert.isBelow(rate("tags-recall")?.share ?? 1, 0.05);
    assert.strictEqual(rate("reflection-exact")?.hits, 0);
  });

  it("measureAbilities() asks the same prompts for the same seed, with seeds and limits of their own", async () => {
    const record = async (seed: number) => {
      const calls: Array<unknown> = [];
      const generate: Generate = (prompts, options) => {
        calls.push({ prompts, options });
        return perfect(prompts, options);
      };
      await measureAbilities(generate, { ...OPTIONS, samples: 10, seed });
      return calls;
    };
    const calls = await record(3);
    assert.deepStrictEqual(await record(3), calls);
    assert.notDeepEqual(await record(4), calls);
    assert.strictEqual(calls.length, 11);
    const seeds = new Set(
      calls.map((call) => (call as { options: { seed: number } }).options.seed),
    );
    assert.strictEqual(seeds.size, 11);
  });

  it("measureAbilities() refuses a generator that leaves prompts out", async () => {
    const lazy: Generate = (prompts) => Promise.resolve(prompts.slice(1).map(() => []));
    const error = await measureAbilities(lazy, { ...OPTIONS, samples: 5 }).catch(String);
    assert.include(error, "Expected 5 replies, got 4, at ability failed");
  });
});

describe("rateOf", () => {
  it("rateOf() gives the Wilson interval, also where no or every trial succeeded", () => {
    const some = rateOf(81, 263); // Newcombe 1998, table I: 0.2553 to 0.3662
    assert.closeTo(some.low, 0.2553, 5e-5);
    assert.closeTo(some.high, 0.3662, 5e-5);
    const none = rateOf(0, 20); // Newcombe 1998, table I: 0 to 0.1611
    assert.strictEqual(none.low, 0);
    assert.closeTo(none.high, 0.1611, 5e-5);
    assert.strictEqual(rateOf(20, 20).high, 1);
    assert.deepStrictEqual([rateOf(0, 0).low, rateOf(0, 0).high], [0, 1]);
  });
});

describe("abilityTable", () => {
  it("abilityTable() aligns the rows and shows percentages with their interval", () => {
    const table = abilityTable([
      { id: "a", what: "something", rate: rateOf(90, 100) },
      { id: "b", what: "nothing was said", rate: rateOf(0, 0) },
    ]);
    assert.deepStrictEqual(table.split("\n"), [
      "| ability          |    % | 95 % interval |   n |",
      "| ---------------- | ---: | ------------: | --: |",
      "| something        | 90.0 |  82.6 to 94.5 | 100 |",
      "| nothing was said |    – |  0.0 to 100.0 |   0 |",
    ]);
  });
});
