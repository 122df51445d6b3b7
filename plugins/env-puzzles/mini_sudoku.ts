/** Sudoku of four by four cells: 1 to 4 once in every row, column and quarter. Every task has exactly one solution. */
import type { Random } from "@resd/core";
import { unreadable } from "@resd/env-kit";
import { type Level, part, type Puzzle } from "./puzzle.ts";

/** Sixteen cells from the top left, row by row; 0 where a number is to be found. */
type Task = ReadonlyArray<number>;

const HOLES = { easy: 6, medium: 9, hard: 11 } as const;
const FOUR = [0, 1, 2, 3] as const;

/** The cells of every row, column and quarter, by name. */
const UNITS = FOUR.flatMap((i): ReadonlyArray<readonly [string, ReadonlyArray<number>]> => [
  [`row ${i + 1}`, FOUR.map((k) => 4 * i + k)],
  [`column ${i + 1}`, FOUR.map((k) => 4 * k + i)],
  [`quarter ${i + 1}`, FOUR.map((k) => 8 * (i >> 1) + 2 * (i & 1) + 4 * (k >> 1) + (k & 1))],
]);

/** At most two ways to fill a grid, trying numbers in the given order. */
const solutions = (grid: Task, numbers: ReadonlyArray<number>): ReadonlyArray<Task> => {
  const hole = grid.indexOf(0);
  if (hole < 0) return [grid];
  const near = UNITS.flatMap(([, cells]) => (cells.includes(hole) ? cells : []));
  return numbers
    .filter((number) => !near.some((cell) => grid[cell] === number))
    .reduce<ReadonlyArray<Task>>(
      (found, number) =>
        found.length > 1 ? found : [...found, ...solutions(grid.with(hole, number), numbers)],
      [],
    );
};

/** Empties cells of a random grid in random order, as long as one solution is left. */
const draw = (random: Random, level: Level): Task => {
  const full = solutions(
    Array.from({ length: 16 }, () => 0),
    random.shuffle([1, 2, 3, 4]),
  )[0]!;
  let grid = full;
  for (const cell of random.shuffle(full.map((_, i) => i))) {
    const emptied = grid.with(cell, 0);
    if (emptied.filter((number) => number === 0).length > HOLES[level]) break;
    if (solutions(emptied, [1, 2, 3, 4]).length === 1) grid = emptied;
  }
  return grid;
};

const lines = (grid: Task): string =>
  FOUR.map((row) => grid.slice(4 * row, 4 * row + 4).join(" ")).join("\n");

export const miniSudoku: Puzzle<Task> = {
  draw,
  problem: (
    grid,
  ) => `Fill the cells marked _ so that each of the numbers 1 to 4 is once in every row, \
every column and every quarter of two by two cells:
${lines(grid).replaceAll("0", "_")}
Answer with the whole grid in the same form.`,
  gold: (grid) => lines(solutions(grid, [1, 2, 3, 4])[0]!),
  grade: (answer, grid) => {
    const cells = answer.split(/\s+/).map(Number);
    if (cells.length !== 16 || !cells.every((number) => [1, 2, 3, 4].includes(number))) {
      return unreadable("Expected four lines of four numbers from 1 to 4.");
    }
    const changed = grid.findIndex((number, i) => number !== 0 && number !== cells[i]);
    const place = `row ${(changed >> 2) + 1}, column ${(changed & 3) + 1}`;
    return {
      tests: [
        part("given", changed < 0 ? undefined : `In ${place} is ${grid[changed]}, which stays.`),
        ...UNITS.map(([name, unit]) => {
          const missing = [1, 2, 3, 4].filter(
            (number) => !unit.some((cell) => cells[cell] === number),
          );
          return part(
            name,
            missing.length === 0 ? undefined : `It lacks ${missing.join(" and ")}.`,
          );
        }),
      ],
    };
  },
};
