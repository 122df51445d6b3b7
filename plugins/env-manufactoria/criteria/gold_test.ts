import { makeRandom } from "@resd/core";
import { Result } from "effect";
import { assert, describe, it } from "vitest";
import {
  COLOURS,
  type Node,
  parseProgram,
  type Program,
  programText,
  runProgram,
} from "../language/mod.ts";
import { verify } from "../verify.ts";
import { redirected } from "./_redirected.ts";
import { type Criterion, FAMILIES, HAS_FAMILIES, sequences } from "./criterion.ts";
import { CRITERIA_OF } from "./data_set.ts";
import { type TapeTest, tapeTests } from "./tape_tests.ts";
import { noise } from "./tape_recipe.ts";

const programOf = (nodes: ReadonlyArray<Node>): Program =>
  new Map(nodes.map((node) => [node.id, node]));
const goldOf = (criterion: Criterion): Program =>
  Result.getOrThrow(parseProgram(programText(criterion.gold())));

/** Every tape of up to this length is tried. */
const LONGEST = 4;

/** Changed programs tried for one gold program, evenly spread over all. */
const MUTANTS = 12;

const passes = (tests: ReadonlyArray<TapeTest>, program: Program): boolean =>
  verify(program, tests).every(({ passed }) => passed);

/** Whether a program does on a tape what the criterion wants. */
const right = (criterion: Criterion, program: Program, tape: string): boolean => {
  const run = runProgram(program, tape);
  const output = criterion.output?.(tape);
  const done = run.halt === "end" && (output === undefined || output === run.tape);
  return done === criterion.accepts(tape);
};

describe("gold programs", () => {
  for (const family of FAMILIES) {
    it(`of ${family} pass all tests of their criterion`, () => {
      for (const criterion of CRITERIA_OF[family]()) {
        assert.isTrue(passes(tapeTests(criterion), goldOf(criterion)), criterion.id);
      }
    });

    it(`of ${family} are right on every tape of up to ${LONGEST} symbols, and on long ones`, () => {
      const random = makeRandom("gold", family);
      for (const criterion of CRITERIA_OF[family]()) {
        const program = goldOf(criterion);
        const long = Array.from({ length: 12 }, () => noise(random, 5, 24, criterion.alphabet));
        const tapes = ["", ...sequences(criterion.alphabet, 1, LONGEST), ...long];
        const wrong = tapes.filter((tape) => !right(criterion, program, tape));
        assert.deepStrictEqual(wrong, [], criterion.id);
      }
    });

    it(`of ${family} no longer pass when one route is changed, in at least one place each`, () => {
      let failed = 0;
      let tried = 0;
      for (const criterion of CRITERIA_OF[family]()) {
        const tests = tapeTests(criterion);
        const all = redirected(criterion.gold());
        const stride = Math.max(1, Math.floor(all.length / MUTANTS));
        const some = all.filter((_, i) => i % stride === 0).map(programOf);
        const caught = some.filter((program) => !passes(tests, program)).length;
        assert.isAbove(caught, 0, criterion.id);
        failed += caught;
        tried += some.length;
      }
      // Many of the others do the same on every tape, and states that a short tape never reaches stay untested.
      assert.isAbove(failed / tried, 0.25, `${failed} of ${tried}`);
    });
  }

  it("of the paper's families number 874", () => {
    assert.strictEqual(HAS_FAMILIES.flatMap((family) => CRITERIA_OF[family]()).length, 874);
    assert.strictEqual(COLOURS.length, 4);
  });
});
