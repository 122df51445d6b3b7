import { makeRandom, type Random } from "@resd/core";
import { Result } from "effect";
import { assert, describe, it } from "vitest";
import { CRITERIA_OF, FAMILIES } from "../criteria/mod.ts";
import { NaiveError, type NaiveProgram, naiveParse, naiveRun } from "./_naive.ts";
import { mutated, randomProgram } from "./_random_program.ts";
import { COLOURS } from "./colour.ts";
import { haltReason, runProgram } from "./machine.ts";
import { parseProgram } from "./parse_program.ts";
import { programText } from "./program.ts";

/** Programs to compare; `MANUFACTORIA_PROGRAMS=1000000` for a long run. */
const COUNT = Number(process.env["MANUFACTORIA_PROGRAMS"] ?? 12_000);

const naively = (text: string): NaiveProgram | NaiveError => {
  try {
    return naiveParse(text);
  } catch (error) {
    if (error instanceof NaiveError) return error;
    throw error;
  }
};

const randomTape = (random: Random, longest: number): string =>
  Array.from({ length: random.int(longest + 1) }, () => random.pick(COLOURS)).join("");

/** Gold programs of every family and random programs in turns, with 0 to 4 changes. */
const programAt = (random: Random, index: number, golds: ReadonlyArray<string>): string => {
  let text = index % 2 === 0 ? random.pick(golds) : randomProgram(random);
  for (let changes = random.int(5); changes > 0; changes--) text = mutated(random, text);
  return text;
};

describe("parseProgram() and runProgram()", () => {
  it(`agree with a naive implementation on ${COUNT} programs, and say of every rejection why`, () => {
    const golds = FAMILIES.flatMap((family) =>
      CRITERIA_OF[family]().map((criterion) => programText(criterion.gold())),
    );
    const random = makeRandom("agreement", 1);
    const counts = { read: 0, refused: 0, end: 0, none: 0, unknown: 0, limit: 0 };
    for (let index = 0; index < COUNT; index++) {
      const text = programAt(random, index, golds);
      const ours = parseProgram(text);
      const theirs = naively(text);
      if (Result.isFailure(ours)) {
        counts.refused++;
        const { line, message } = ours.failure;
        assert.instanceOf(theirs, NaiveError, `${message}\n${text}`);
        assert.strictEqual(line ?? 0, theirs.line, `${message}\n${text}`);
        assert.match(message, line === undefined ? /^Expected .+; / : /^Line \d+: Expected .+; /s);
        continue;
      }
      counts.read++;
      if (theirs instanceof NaiveError) assert.fail(`${theirs.line}: ${theirs.message}\n${text}`);
      for (const tape of ["", randomTape(random, 6), randomTape(random, 20)]) {
        const run = runProgram(ours.success, tape);
        const naive = naiveRun(theirs, tape);
        counts[run.halt]++;
        assert.deepStrictEqual(
          [run.halt === "end", haltReason(run) ?? "", run.tape, run.path.join()],
          [naive.finished, naive.reason, naive.tape, naive.path.join()],
          `on ${tape}\n${text}`,
        );
      }
    }
    // The comparison is worth something only if all of it happens often.
    for (const [name, count] of Object.entries(counts)) {
      assert.isAbove(count, COUNT / 100, `${name}: ${JSON.stringify(counts)}`);
    }
  });
});
