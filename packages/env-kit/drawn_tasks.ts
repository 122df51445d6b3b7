/** Tasks from a generator: any number of them, the same for the same seed, and none in two splits. */
import {
  EnvironmentTaskError,
  type Random,
  type TaskRow,
  type TaskSource,
  hashSeed,
  makeRandom,
} from "@resd/core";
import { Effect } from "effect";

/** How many tasks are drawn in search of one that is new, or that belongs to a split. */
const PATIENCE = 2000;

/** One of so many problems is held out. */
const HELD_OUT = 8;

/** The problem as it is compared: spaces and case aside. */
export const normalized = (problem: string): string =>
  problem.toLowerCase().replaceAll(/\s+/g, " ").trim();

export interface DrawnTasks<Task> {
  readonly id: string;
  readonly seed: number;
  readonly draw: (random: Random) => Task;
  readonly row: (key: string, task: Task) => TaskRow<Task>;
}

const exhausted = (split: string, index: number, more: string) =>
  new EnvironmentTaskError({
    message: `Expected another task for ${split}, got none in ${PATIENCE} draws, at index ${index}; ${more}`,
    taskKey: `${split}/${index}`,
  });

/** Draws the task of an index until its problem belongs to the split: what a problem says decides on which side it is. */
const drawFor = <Task>(tasks: DrawnTasks<Task>, split: string, index: number, from = 0) => {
  const key = `${tasks.id}/${tasks.seed}/${split}/${index}`;
  for (let attempt = from; attempt < PATIENCE; attempt++) {
    const row = tasks.row(key, tasks.draw(makeRandom(tasks.id, tasks.seed, split, index, attempt)));
    const heldOut = hashSeed(normalized(row.problem)) % HELD_OUT === 0;
    if (heldOut === (split === "test")) return { row, attempt };
  }
  return undefined;
};

/** A split without an end: every index draws its own task. */
export const endlessTasks = <Task>(tasks: DrawnTasks<Task>, split: string): TaskSource<Task> => ({
  size: "infinite",
  get: (index) =>
    Effect.suspend(() => {
      if (!Number.isSafeInteger(index) || index < 0) {
        return Effect.fail(
          new EnvironmentTaskError({
            message: `Expected an index of 0 or more, got ${index}, at ${split}`,
            taskKey: `${split}/${index}`,
          }),
        );
      }
      const drawn = drawFor(tasks, split, index);
      return drawn === undefined
        ? Effect.fail(exhausted(split, index, "draw tasks that differ in their problem text"))
        : Effect.succeed(drawn.row);
    }),
});

/** A split of some tasks, no two of which ask the same. */
export const distinctTasks = Effect.fnUntraced(function* <Task>(
  tasks: DrawnTasks<Task>,
  split: string,
  size: number,
): Effect.fn.Return<ReadonlyArray<TaskRow<Task>>, EnvironmentTaskError> {
  const seen = new Set<string>();
  const rows: Array<TaskRow<Task>> = [];
  for (let index = 0; index < size; index++) {
    let drawn = drawFor(tasks, split, index);
    while (drawn !== undefined && seen.has(normalized(drawn.row.problem))) {
      drawn = drawFor(tasks, split, index, drawn.attempt + 1);
    }
    if (drawn === undefined) return yield* exhausted(split, index, "ask for fewer tasks");
    seen.add(normalized(drawn.row.problem));
    rows.push(drawn.row);
  }
  return rows;
});
