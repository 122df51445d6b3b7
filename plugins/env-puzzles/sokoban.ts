/** Sokoban: push boxes onto marked places. Tasks come from playing backwards, so every one can be solved. */
import type { Random } from "@resd/core";
import { unreadable } from "@resd/env-kit";
import { type Level, part, type Puzzle } from "./puzzle.ts";

/** Cells are numbered row by row. The outermost ones are walls. */
interface Task {
  readonly width: number;
  readonly walls: ReadonlyArray<number>;
  readonly goals: ReadonlyArray<number>;
  readonly boxes: ReadonlyArray<number>;
  readonly player: number;
  readonly solution: string;
}

const SIZE = { easy: [6, 1], medium: [7, 2], hard: [8, 3] } as const;
const LETTERS = "UDLR";
const steps = (width: number) => [-width, width, -1, 1] as const;

/** From the solved position: 100 random steps back, pulling the box behind the player every other time. */
const draw = (random: Random, level: Level): Task => {
  const [width, count] = SIZE[level];
  const cells = Array.from({ length: width * width }, (_, i) => i);
  const inside = cells.filter((i) =>
    [Math.floor(i / width), i % width].every((place) => place > 0 && place < width - 1),
  );
  const [player, ...others] = random.shuffle(inside);
  const goals = others.slice(0, count).toSorted((a, b) => a - b);
  const blocks = others.slice(count, count + width - 4);
  const walls = cells.filter((i) => !inside.includes(i) || blocks.includes(i));
  let boxes: ReadonlyArray<number> = goals;
  let at = player!;
  let path: ReadonlyArray<{ readonly state: string; readonly letter: string }> = [];
  for (let i = 0; i < 100; i++) {
    const way = random.int(4);
    const step = steps(width)[way]!;
    if (walls.includes(at + step) || boxes.includes(at + step)) continue;
    const pulled = random.next() < 0.5 ? boxes.indexOf(at - step) : -1;
    if (pulled >= 0) boxes = boxes.with(pulled, at);
    at += step;
    const state = `${at} ${boxes.toSorted((a, b) => a - b)}`;
    // Back where the walk has been before: what lies between is of no use.
    const before = path.findIndex((one) => one.state === state);
    path = before < 0 ? [...path, { state, letter: LETTERS[way ^ 1]! }] : path.slice(0, before + 1);
  }
  const solution = path
    .map(({ letter }) => letter)
    .toReversed()
    .join("");
  const task = {
    width,
    walls,
    goals,
    boxes: boxes.toSorted((a, b) => a - b),
    player: at,
    solution,
  };
  return task.boxes.every((box) => goals.includes(box)) ? draw(random, level) : task;
};

/** What stands for a thing on a marked place. */
const MARKED: Readonly<Record<string, string>> = { " ": ".", $: "*", "@": "+" };

const map = ({ width, walls, goals, boxes, player }: Task): string => {
  const thing = (cell: number) =>
    walls.includes(cell) ? "#" : boxes.includes(cell) ? "$" : cell === player ? "@" : " ";
  const signs = Array.from({ length: width * width }, (_, cell) =>
    goals.includes(cell) ? MARKED[thing(cell)]! : thing(cell),
  );
  return Array.from({ length: width }, (_, row) =>
    signs.slice(row * width, (row + 1) * width).join(""),
  ).join("\n");
};

export const sokoban: Puzzle<Task> = {
  draw,
  problem: (
    task,
  ) => `Push all boxes onto the marked places. # is a wall, $ a box, . a place, * a box on a \
place, @ you, + you on a place. You push a box by walking into it, if the cell behind it is free; \
nothing can be pulled.
${map(task)}
Answer with your steps, one letter each: U, D, L or R for up, down, left or right.`,
  gold: ({ solution }) => solution,
  grade: (answer, { width, walls, goals, boxes, player }) => {
    const letters = answer.replaceAll(/[\s,]/g, "");
    if (!/^[UDLR]+$/.test(letters))
      return unreadable("Expected steps of the letters U, D, L and R.");
    const now = [...boxes];
    let at = player;
    const stopped = [...letters].findIndex((letter) => {
      const step = steps(width)[LETTERS.indexOf(letter)]!;
      const box = now.indexOf(at + step);
      const blocked = [...walls, ...(box < 0 ? [] : now)].includes(at + (box < 0 ? 1 : 2) * step);
      if (!blocked && box >= 0) now[box]! += step;
      if (!blocked) at += step;
      return blocked;
    });
    const place = (cell: number) =>
      `row ${Math.floor(cell / width) + 1}, column ${(cell % width) + 1}`;
    const steppedTo = `Step ${stopped + 1}, ${letters[stopped]}, is blocked.`;
    return {
      tests: [
        part("steps", stopped < 0 ? undefined : steppedTo),
        ...goals.map((goal) =>
          part(
            place(goal),
            now.includes(goal)
              ? undefined
              : `No box is there; boxes are in ${now.map(place).join("; ")}.`,
          ),
        ),
      ],
    };
  },
};
