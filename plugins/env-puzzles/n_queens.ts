/** Queens on a board, one in each row, none of which may attack another; some are there already. */
import { unreadable } from "@resd/env-kit";
import { part, type Puzzle } from "./puzzle.ts";

/** For each row the column of its queen, from 1; 0 where it is to be found. */
type Task = ReadonlyArray<number>;

const SIZE = { easy: 5, medium: 7, hard: 8 } as const;

const attacks = (rowA: number, a: number, rowB: number, b: number): boolean =>
  a === b || Math.abs(a - b) === Math.abs(rowA - rowB);

/** Fills the rows from above, trying the columns in the given order. */
const solve = (task: Task, columns: ReadonlyArray<number>, above: Task = []): Task | undefined => {
  const row = above.length;
  if (row === task.length) return above;
  for (const column of task[row] === 0 ? columns : [task[row]!]) {
    if (above.some((other, i) => attacks(row, column, i, other))) continue;
    const found = solve(task, columns, [...above, column]);
    if (found !== undefined) return found;
  }
  return undefined;
};

const columnsOf = (size: number) => Array.from({ length: size }, (_, i) => i + 1);

const board = (task: Task): string =>
  task
    .map((queen) =>
      columnsOf(task.length)
        .map((column) => (column === queen ? "Q" : "."))
        .join(""),
    )
    .join("\n");

export const nQueens: Puzzle<Task> = {
  draw: (random, level) => {
    const columns = columnsOf(SIZE[level]);
    const empty = columns.map(() => 0);
    const given = random.sample(columns, random.int(3));
    const solution = solve(empty, random.shuffle(columns))!;
    return solution.map((column, row) => (given.includes(row + 1) ? column : 0));
  },
  problem: (task) => `Place ${task.length} queens on this board, one in each row, so that no two \
share a column or a diagonal. Queens marked Q stay where they are:
${board(task)}
Answer with the column of the queen in each row from the top, counted from 1 and separated by spaces.`,
  gold: (task) => solve(task, columnsOf(task.length))!.join(" "),
  grade: (answer, task) => {
    const known = columnsOf(task.length);
    const columns = answer.split(/[\s,]+/).map(Number);
    if (columns.length !== known.length || !columns.every((column) => known.includes(column))) {
      return unreadable(`Expected ${task.length} columns from 1 to ${task.length}.`);
    }
    const wrong = (column: number, row: number): string | undefined => {
      const given = task[row];
      if (given !== 0 && given !== column) return `Its queen is given in column ${given}.`;
      const other = columns.findIndex((c, i) => i !== row && attacks(row, column, i, c));
      return other < 0 ? undefined : `Its queen attacks the one in row ${other + 1}.`;
    };
    return { tests: columns.map((column, row) => part(`row ${row + 1}`, wrong(column, row))) };
  },
};
