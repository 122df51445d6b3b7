/** Where a comparison shows how far it is: a block that is redrawn on a terminal, lines elsewhere. */
import type { Cell, ConductEvent } from "@resd/compare";
import { Effect, Schedule } from "effect";
import type { CellProgress } from "./cell_messages.ts";
import {
  advance,
  blockLines,
  follow,
  lastingLine,
  noCells,
  overallLine,
} from "./compare_progress.ts";

/** A place to write to. */
export interface CompareScreen {
  readonly isTTY: boolean;
  readonly columns: () => number;
  readonly write: (text: string) => void;
  /** Milliseconds that only ever rise. */
  readonly now: () => number;
}

/** This process's standard error: results go to standard output. */
export const standardError = (): CompareScreen => ({
  isTTY: process.stderr.isTTY === true,
  columns: () => process.stderr.columns || 80,
  write: (text) => void process.stderr.write(text),
  now: () => performance.now(),
});

const REDRAW = "200 millis";

/** Shows events and progress until the scope ends. */
export const showProgress = Effect.fnUntraced(function* (screen: CompareScreen) {
  let progress = noCells;
  let drawn = 0;
  let over = false;
  const draw = (above = ""): void => {
    const lines = over || progress.planned.length === 0 ? [] : blockLines(progress, screen.now());
    const width = screen.columns() - 1;
    const erase = drawn === 0 ? "" : `\u001b[${drawn}A\u001b[0J`;
    screen.write(`${erase}${above}${lines.map((line) => `${line.slice(0, width)}\n`).join("")}`);
    drawn = lines.length;
  };
  if (screen.isTTY) {
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        over = true;
        draw();
      }),
    );
    yield* Effect.forkScoped(
      Effect.repeat(
        Effect.sync(() => draw()),
        Schedule.spaced(REDRAW),
      ),
    );
  }
  return {
    listener: (event: ConductEvent) =>
      Effect.sync(() => {
        progress = follow(progress, event, screen.now());
        const stays = lastingLine(event);
        if (stays === undefined) {
          if (event._tag === "Planned" && !screen.isTTY) {
            screen.write(`${overallLine(progress, screen.now())}\n`);
          }
          return;
        }
        if (screen.isTTY) draw(`${stays}\n`);
        else screen.write(`${stays} [${overallLine(progress, screen.now())}]\n`);
      }),
    progress: (cell: Cell, how: CellProgress): void => {
      progress = advance(progress, cell, how);
    },
  };
});
