import { hashName } from "@resd/core";
import { assert, describe, it } from "vitest";
import { type Criterion, FAMILIES, HAS_FAMILIES } from "./criterion.ts";
import { CRITERIA_OF, splitCriteria } from "./data_set.ts";
import { MAX_TESTS, tapeTests } from "./tape_tests.ts";

const nameOf = ({ family, id }: Criterion) => `${family}/${id}`;

describe("CRITERIA_OF", () => {
  it("has 340 substrings, 340 subsequences and 194 counts, each under a name of its own", () => {
    assert.deepStrictEqual(
      HAS_FAMILIES.map((family) => CRITERIA_OF[family]().length),
      [340, 340, 194],
    );
    for (const property of [nameOf, ({ sentence }: Criterion) => sentence]) {
      const all = FAMILIES.flatMap((family) => CRITERIA_OF[family]().map(property));
      assert.strictEqual(new Set(all).size, all.length);
    }
    assert.isTrue(CRITERIA_OF.contains_substring().some(({ id }) => id === "BRBR"));
  });
});

describe("splitCriteria()", () => {
  it("divides the paper's families into 742 and 132, all of them, none twice", () => {
    const { train, test } = splitCriteria(HAS_FAMILIES);
    assert.deepStrictEqual([train.length, test.length], [742, 132]);
    assert.strictEqual(new Set([...train, ...test].map(nameOf)).size, 874);
    for (const family of HAS_FAMILIES) {
      assert.isTrue(test.some((criterion) => criterion.family === family));
    }
  });

  it("keeps a criterion on its side, and in its order, whatever else is asked for", () => {
    const all = splitCriteria(FAMILIES);
    for (const families of [HAS_FAMILIES, ["contains_count"], ["regex", "append"]] as const) {
      const some = splitCriteria(families);
      for (const side of ["train", "test"] as const) {
        const expected = all[side].filter(({ family }) =>
          (families as ReadonlyArray<string>).includes(family),
        );
        assert.deepStrictEqual(some[side].map(nameOf), expected.map(nameOf));
      }
    }
  });
});

describe("tapeTests()", () => {
  it("gives the same tests in every process: these names are frozen", () => {
    const tests = FAMILIES.map((family) => {
      const all = CRITERIA_OF[family]().map((criterion) => [criterion.id, tapeTests(criterion)]);
      return `${family} ${hashName(JSON.stringify(all))}`;
    });
    assert.deepStrictEqual(tests, [
      "contains_substring 554a64cc4392de664c5f2f6c5d679380",
      "contains_ordered b5e71ba9937b871eeff3b35cf82e4fee",
      "contains_count e7ef2ae3d930a182ebc64b9b1b29e13d",
      "append 33a1c1721cb59ca9945e4309b5cd7b5a",
      "prepend 94b29e48c2b2ee88cad8dbe4a7c400fd",
      "exact adfa41a0c763df0667985aed3ba50cf2",
      "starts_with efb0f2cf0289d93f1bad230097d0b18f",
      "ends_with 56bf5489712a8f2a15d1321c2ea9f9d4",
      "regex bc3736cc0562d89f1072474daf259902",
      "numeric_comparison a1143ef3eea4cc273b87362e7a38094b",
      "same_number_regex 77148d7b15653b03d357d969aec146a0",
    ]);
    const { train, test } = splitCriteria(FAMILIES);
    assert.strictEqual(
      hashName(JSON.stringify([train, test].map((side) => side.map(nameOf)))),
      "f93ccdfdd9b4086c71de65430714b89a",
    );
  });

  it(`gives at most ${MAX_TESTS} distinct tapes, and 3 of each label for the paper's families`, () => {
    for (const criterion of FAMILIES.flatMap((family) => CRITERIA_OF[family]())) {
      const tests = tapeTests(criterion);
      assert.isAtMost(tests.length, MAX_TESTS);
      assert.strictEqual(new Set(tests.map(({ input }) => input)).size, tests.length);
      for (const [place, tape] of ["", criterion.alphabet[0]].entries()) {
        assert.strictEqual(tests[place]?.input, tape);
      }
      if (!(HAS_FAMILIES as ReadonlyArray<string>).includes(criterion.family)) continue;
      assert.isAtLeast(tests.filter(({ accepted }) => accepted).length, 3, criterion.id);
      assert.isAtLeast(tests.filter(({ accepted }) => !accepted).length, 3, criterion.id);
    }
  });

  // The same properties said by regular expressions, which share nothing with predicates or programs.
  const counted = (id: string): RegExp =>
    new RegExp([...id.matchAll(/(.)(\d)/g)].map(([, c, n]) => `(?=(.*${c}){${n}})`).join(""));
  const expressionOf = {
    contains_substring: (id: string) => new RegExp(id),
    contains_ordered: (id: string) => new RegExp([...id].join(".*")),
    contains_count: counted,
    exact: (id: string) => new RegExp(`^${id}$`),
    starts_with: (id: string) => new RegExp(`^${id}`),
    ends_with: (id: string) => new RegExp(`${id}$`),
  } as const;
  for (const [family, expression] of Object.entries(expressionOf)) {
    it(`labels tapes of ${family} as a regular expression does`, () => {
      for (const criterion of CRITERIA_OF[family as keyof typeof expressionOf]()) {
        const matches = expression(criterion.id);
        for (const { input, accepted } of tapeTests(criterion)) {
          assert.strictEqual(accepted, matches.test(input), `${criterion.id} on ${input}`);
        }
      }
    });
  }
});
