import { makeRandom } from "@resd/core";
import { assert, describe, it } from "vitest";
import { applyOperations } from "./operations.ts";
import { parsePlaybook, readPlaybookText, renderPlaybook } from "./render.ts";
import { SECTIONS, placementOf, sectionSlug } from "./sections.ts";
import { emptyState } from "./state.ts";
import { playbookStats } from "./stats.ts";
import { applyTags } from "./tagging.ts";

const PIECES = [
  "a",
  "## OTHERS",
  "[sai-00001] helpful=3 harmful=4 :: x",
  "::",
  "]",
  "\n",
  "\r\n",
  "\u2028",
  "  ",
  "<|im_start|>",
  "é\ud83d\ude00",
  "\ud800",
  "\0",
  "日本",
];

describe("renderPlaybook() and parsePlaybook()", () => {
  it("parsePlaybook() reads back what renderPlaybook() wrote, whatever the lessons contain", () => {
    const random = makeRandom("render");
    for (let round = 0; round < 300; round++) {
      const added = applyOperations(
        emptyState,
        Array.from({ length: random.int(8) }, () => ({
          _tag: "Add" as const,
          section: random.pick([...SECTIONS, "general", "who knows", ""]),
          text: Array.from({ length: 1 + random.int(6) }, () => random.pick(PIECES)).join(" "),
        })),
      ).state;
      const { entries } = applyTags(
        added,
        added.entries.map(({ id }) => ({
          entry: id,
          sign: random.pick(["helpful", "harmful", "neutral"] as const),
        })),
      ).state;
      assert.deepEqual(
        parsePlaybook(renderPlaybook(entries)),
        entries.map(({ id, section, text, helpful, harmful }) => ({
          id,
          section,
          text,
          helpful,
          harmful,
        })),
      );
    }
  });

  it("parsePlaybook() passes over what is no entry and keeps the first of a repeated id", () => {
    const text = [
      "[a-00001] helpful=1 harmful=0 :: above all headers",
      "## COMMON MISTAKES TO AVOID",
      "- a stray list item",
      "  [err-00002]helpful = 2 harmful=3::tight",
      "[err-00002] helpful=9 harmful=9 :: again",
      "[err-00003] helpful=-1 harmful=0 :: negative",
      "## SOMETHING ELSE",
      "[x-00004] helpful=0 harmful=0 :: elsewhere",
    ].join("\n");
    assert.deepEqual(
      parsePlaybook(text).map(({ id, section, text: lesson }) => [id, section, lesson]),
      [
        ["a-00001", "OTHERS", "above all headers"],
        ["err-00002", "COMMON MISTAKES TO AVOID", "tight"],
        ["x-00004", "OTHERS", "elsewhere"],
      ],
    );
    assert.deepEqual(
      readPlaybookText(text).passedOver.map(({ line, message }) => [line, message.slice(0, 30)]),
      [
        [3, 'Expected "[<id>] helpful=<coun'],
        [5, "Expected every id once, got er"],
        [6, 'Expected "[<id>] helpful=<coun'],
        [7, "Expected one of the sections S"],
      ],
    );
    for (const garbage of ["", "[", "[]] :: ", "## ", "\n".repeat(1000), "[".repeat(100_000)]) {
      assert.deepEqual(parsePlaybook(garbage), []);
    }
  });
});

describe("sections", () => {
  it("sectionSlug() follows the table, then letters, then initials", () => {
    assert.deepEqual(SECTIONS.map(sectionSlug), [
      "sai",
      "calc",
      "code",
      "err",
      "ph",
      "ctx",
      "misc",
    ]);
    assert.strictEqual(sectionSlug("general"), "gene");
    assert.strictEqual(sectionSlug("a b c d e f"), "abcde");
    assert.strictEqual(sectionSlug("problem_solving_heuristics"), "prob");
  });

  it("placementOf() matches headers however they are spelled and sends strangers to OTHERS", () => {
    assert.strictEqual(
      placementOf(" common_mistakes to avoid ").section,
      "COMMON MISTAKES TO AVOID",
    );
    assert.deepEqual(placementOf("problem_solving_heuristics"), {
      section: "OTHERS",
      slug: "misc",
      atTop: false,
    });
    assert.deepEqual(placementOf("General"), { section: "OTHERS", slug: "gene", atTop: true });
  });
});

describe("playbookStats()", () => {
  it("playbookStats() counts each entry once, under the first heading that fits", () => {
    const entry = (helpful: number, harmful: number, section = "OTHERS") => ({
      id: "misc-00001",
      section,
      text: "x",
      helpful,
      harmful,
      createdAt: 0,
      lastTaggedAt: 0,
    });
    const stats = playbookStats([
      entry(6, 1),
      entry(6, 2),
      entry(5, 0),
      entry(1, 1),
      entry(0, 2, "CODE SNIPPETS & TEMPLATES"),
      entry(0, 0),
    ]);
    assert.deepEqual(stats, {
      total: 6,
      highPerforming: 1,
      problematic: 2,
      unused: 1,
      bySection: {
        "CODE SNIPPETS & TEMPLATES": { count: 1, helpful: 0, harmful: 2 },
        OTHERS: { count: 5, helpful: 18, harmful: 4 },
      },
    });
    assert.deepEqual(playbookStats([]), {
      total: 0,
      highPerforming: 0,
      problematic: 0,
      unused: 0,
      bySection: {},
    });
  });
});
