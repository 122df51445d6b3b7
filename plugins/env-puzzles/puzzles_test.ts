import { readFileSync } from "node:fs";
import { makeRandom } from "@resd/core";
import { questions, readCode, Unreadable, type Verdict } from "@resd/env-kit";
import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { assert, describe, it } from "vitest";
import { countdown } from "./countdown.ts";
import { miniSudoku } from "./mini_sudoku.ts";
import * as plugin from "./mod.ts";
import { nQueens } from "./n_queens.ts";
import { LEVELS, type Puzzle } from "./puzzle.ts";
import { sokoban } from "./sokoban.ts";
import { towerOfHanoi } from "./tower_of_hanoi.ts";

/** What each part of an answer is told; "ok" where nothing. */
const told = (verdict: Verdict): unknown => {
  if (verdict instanceof Unreadable) return verdict.message;
  if (typeof verdict !== "object") return verdict;
  return Object.fromEntries((verdict.tests ?? []).map(({ id, message }) => [id, message ?? "ok"]));
};
const solved = (verdict: Verdict): boolean =>
  Object.values(told(verdict) as object).every((message) => message === "ok");

const all = { countdown, nQueens, towerOfHanoi, miniSudoku, sokoban } as unknown as Readonly<
  Record<string, Puzzle<unknown>>
>;

describe.each(Object.entries(all))("%s", (name, puzzle) => {
  it.each(LEVELS)("solves what it draws, whatever the seed, when %s", (level) => {
    const problems = new Set<string>();
    for (let seed = 0; seed < 150; seed++) {
      const task = puzzle.draw(makeRandom(name, level, seed), level);
      const gold = puzzle.gold(task);
      assert.isTrue(solved(puzzle.grade(gold, task)), `${puzzle.problem(task)}\n${gold}`);
      assert.deepStrictEqual(JSON.parse(JSON.stringify(task)), task);
      assert.isAtMost(gold.length, 2000);
      problems.add(puzzle.problem(task));
    }
    // Three discs on three pegs have but 54 problems.
    assert.isAbove(problems.size, 30);
  });

  it("takes no answer to another task for right", () => {
    for (let seed = 0; seed < 40; seed++) {
      const [task, other] = [0, 1].map((n) => puzzle.draw(makeRandom(name, n, seed), "hard"));
      const verdict = puzzle.grade(puzzle.gold(other), task);
      if (puzzle.problem(task) === puzzle.problem(other)) continue;
      // Without given queens every solution is one.
      if (name !== "nQueens") assert.isTrue(verdict instanceof Unreadable || !solved(verdict));
    }
  });

  it("cannot read what is no answer, and says what one is", () => {
    const task = puzzle.draw(makeRandom(name), "easy");
    for (const answer of [
      "I do not know.",
      "1 +",
      "(",
      "-",
      "0",
      "AB,XY",
      "UDX",
      "1\n2\n3",
      "__proto__",
    ]) {
      const verdict = puzzle.grade(answer, task);
      if (!(verdict instanceof Unreadable)) assert.isFalse(solved(verdict), answer);
      else assert.match(verdict.message, /^Expected .*\.$/);
    }
  });
});

describe("countdown", () => {
  const task = { numbers: [3, 3, 8, 8], target: 24, solution: "" };
  const answers: ReadonlyArray<readonly [string, unknown]> = [
    ["8 / (3 - 8 / 3)", { numbers: "ok", target: "ok" }],
    ["8 / (3 - 8 / 3) = 24", { numbers: "ok", target: "ok" }],
    ["3 * 8", { numbers: "ok", target: "ok" }],
    ["8 + 8 + 3 + 3", { numbers: "ok", target: "The value is 22, 2 too low." }],
    ["8 * 3 * 3 / 3", { numbers: "3 is not given, or used too often.", target: "ok" }],
    ["4 * 6", { numbers: "4 is not given, or used too often.", target: "ok" }],
    ["8 / (3 - 3)", { numbers: "ok", target: "The value is Infinity, Infinity too high." }],
    ["8 - 3 - 3", { numbers: "ok", target: "The value is 2, 22 too low." }],
  ];
  it.each(answers)("judges numbers and value of %s apart", (answer, expected) => {
    assert.deepStrictEqual(told(countdown.grade(answer, task)), expected);
  });

  it.each(["8 8", "8 *", "(8", "8)", "2 ** 3", "x", "8..3", "process.exit()"])(
    "cannot read %s",
    (answer) => {
      assert.instanceOf(countdown.grade(answer, task), Unreadable);
    },
  );
});

describe("nQueens", () => {
  it("names for every row the given queen that moved, or the queen that is attacked", () => {
    assert.deepStrictEqual(told(nQueens.grade("1 3 5 2 4", [2, 0, 0, 0, 0])), {
      "row 1": "Its queen is given in column 2.",
      "row 2": "ok",
      "row 3": "ok",
      "row 4": "ok",
      "row 5": "ok",
    });
    const diagonal = told(nQueens.grade("1, 2, 3, 4, 5", [0, 0, 0, 0, 0])) as Record<
      string,
      string
    >;
    assert.strictEqual(diagonal["row 1"], "Its queen attacks the one in row 2.");
    assert.instanceOf(nQueens.grade("1 3 5 2 6", [2, 0, 0, 0, 0]), Unreadable);
  });
});

describe("towerOfHanoi", () => {
  const task = { discs: [0, 0, 2], goal: 2 };
  it("follows the moves, stops at one that is not allowed, and says where each disc is", () => {
    assert.isTrue(solved(towerOfHanoi.grade("AB AC BC", task)));
    assert.deepStrictEqual(told(towerOfHanoi.grade("AC AC", task)), {
      moves: "Move 2, AC, is not allowed.",
      "disc 1": "ok",
      "disc 2": "It is on A before move 2.",
      "disc 3": "ok",
    });
    assert.deepStrictEqual(told(towerOfHanoi.grade("AB", task)), {
      moves: "ok",
      "disc 1": "It is on B at the end.",
      "disc 2": "It is on A at the end.",
      "disc 3": "ok",
    });
    for (const move of ["BA", "AA"]) {
      assert.include(JSON.stringify(told(towerOfHanoi.grade(move, task))), "is not allowed");
    }
  });
});

describe("miniSudoku", () => {
  const task = [1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 0, 0];
  it("names the rows, columns and quarters that lack a number, and the given cell that changed", () => {
    const grade = (last: string) =>
      told(miniSudoku.grade(`1 2 3 4\n3 4 1 2\n2 1 4 3\n${last}`, task));
    assert.isTrue(Object.values(grade("4 3 2 1") as object).every((message) => message === "ok"));
    assert.deepInclude(grade("4 3 1 2") as object, {
      given: "ok",
      "row 4": "ok",
      "column 3": "It lacks 2.",
      "column 4": "It lacks 1.",
      "quarter 4": "ok",
    });
    const changed = grade("4 4 1 1") as Record<string, string>;
    assert.strictEqual(changed["given"], "In row 4, column 2 is 3, which stays.");
    assert.strictEqual(changed["row 4"], "It lacks 2 and 3.");
  });

  it.each(LEVELS)("draws grids with one solution, when %s", (level) => {
    for (let seed = 0; seed < 30; seed++) {
      const grid = miniSudoku.draw(makeRandom("sudoku", level, seed), level);
      const digits = [1, 2, 3, 4];
      const count = (cells: ReadonlyArray<number>): number => {
        const hole = cells.indexOf(0);
        if (hole < 0) return solved(miniSudoku.grade(cells.join(" "), grid)) ? 1 : 0;
        const row = cells.slice(hole - (hole % 4), hole - (hole % 4) + 4);
        return digits
          .filter((digit) => !row.includes(digit))
          .reduce((sum, digit) => sum + count(cells.with(hole, digit)), 0);
      };
      assert.strictEqual(count(grid), 1, grid.join(" "));
    }
  });
});

describe("sokoban", () => {
  const walls = Array.from({ length: 25 }, (_, i) => i).filter(
    (i) => i < 5 || i > 19 || i % 5 === 0 || i % 5 === 4,
  );
  const task = { width: 5, walls, goals: [13], boxes: [12], player: 6, solution: "DR" };
  it("draws the room, and follows the steps until one is blocked", () => {
    assert.include(sokoban.problem(task), "\n#####\n#@  #\n# $.#\n#   #\n#####\n");
    assert.isTrue(solved(sokoban.grade("D R", task)));
    assert.deepStrictEqual(told(sokoban.grade("LR", task)), {
      steps: "Step 1, L, is blocked.",
      "row 3, column 4": "No box is there; boxes are in row 3, column 3.",
    });
    assert.deepStrictEqual(told(sokoban.grade("DRR", task)), {
      steps: "Step 3, R, is blocked.",
      "row 3, column 4": "ok",
    });
  });
});

describe("env-puzzles", () => registerLaws(environmentLaws(plugin, {}, { samples: 10 })));

/** Lines of a file that are its author's: without imports, comments and blank ones. */
const ownLines = (file: string): number =>
  readFileSync(new URL(file, import.meta.url), "utf8")
    .replaceAll(/\/\*[^]*?\*\//g, "")
    .split("\n")
    .filter((line) => !/^\s*(?:\/\/.*)?$|^import /.test(line)).length;

describe("an author's own logic", () => {
  const environments = [
    ["n_queens.ts", nQueens as Puzzle<unknown>],
    ["tower_of_hanoi.ts", towerOfHanoi as Puzzle<unknown>],
  ] as const;
  for (const [file, puzzle] of environments) {
    describe(`of ${file}, handed to the kit`, () => {
      it("has at most 60 lines", () => assert.isAtMost(ownLines(`./${file}`), 60));
      const environment = questions({
        ...puzzle,
        id: file.replace(".ts", ""),
        license: "Apache-2.0",
        draw: (random) => puzzle.draw(random, "hard"),
        read: readCode(),
        tests: true,
      });
      registerLaws(environmentLaws(environment, { testSize: 8 }));
    });
  }
});
