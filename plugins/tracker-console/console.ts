/** The tracker: a live block on a terminal, lines elsewhere. It writes to standard error; results are the application's. */
import type { RunEvent } from "@resd/core";
import { Tracker, decodeOptions } from "@resd/core";
import { Effect, Layer, Schedule, Schema } from "effect";
import { type Progress, follow, noProgress } from "./progress.ts";
import {
  type Style,
  block,
  coloured,
  evaluationText,
  heading,
  progressLine,
  uncoloured,
} from "./render.ts";

export const Options = Schema.Struct({
  /** `live` redraws a block, `plain` writes lines; `auto` asks the terminal. */
  mode: Schema.Literals(["auto", "live", "plain"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("auto" as const)),
  ),
  /** `auto`: on a terminal, unless NO_COLOR is set. */
  color: Schema.Literals(["auto", "always", "never"]).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("auto" as const)),
  ),
  /** Seconds between lines of progress in plain mode, at least. */
  everySeconds: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(5)),
  ),
});

/** Where the tracker writes, and what it may do there. */
export interface Screen {
  readonly isTTY: boolean;
  readonly columns: () => number;
  readonly write: (text: string) => void;
  /** Milliseconds that only ever rise. */
  readonly now: () => number;
  readonly noColor: boolean;
}

const terminal = (): Screen => ({
  isTTY: process.stderr.isTTY === true,
  columns: () => process.stderr.columns || 80,
  write: (text) => void process.stderr.write(text),
  now: () => performance.now(),
  noColor: (process.env["NO_COLOR"] ?? "") !== "",
});

/** What is written once and stays: warnings, changes of the method, and how the run ended if not well. */
const lasting = (event: RunEvent, style: Style): string | undefined => {
  if (event._tag === "Warned") {
    return style.warning(`warning (${event.code}, update ${event.update + 1}): ${event.message}`);
  }
  if (event._tag === "Switched") {
    return `phase ${event.to} after ${event.from}, from update ${event.update + 1} on, after ${event.interactions} interactions`;
  }
  if (event._tag === "Ended" && event.outcome !== "finished") return `run ${event.outcome}`;
  return undefined;
};

const REDRAW = "100 millis";

const live = Effect.fnUntraced(function* (screen: Screen, style: Style) {
  let progress = noProgress(screen.now());
  let drawn = 0;
  let ended = false;
  const erase = () => (drawn === 0 ? "" : `\u001b[${drawn}A\u001b[0J`);
  const draw = (above = ""): void => {
    const lines = ended ? [] : block(progress, screen.now(), screen.columns() - 1, style);
    screen.write(`${erase()}${above}${lines.map((line) => `${line}\n`).join("")}`);
    drawn = lines.length;
  };
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      ended = true;
      draw();
    }),
  );
  yield* Effect.forkScoped(
    Effect.repeat(
      Effect.sync(() => draw()),
      Schedule.spaced(REDRAW),
    ),
  );
  return (event: RunEvent): void => {
    progress = follow(progress, event, screen.now());
    ended ||= event._tag === "Ended";
    const above = lasting(event, style);
    if (above !== undefined || ended) draw(above === undefined ? "" : `${above}\n`);
  };
});

const plain = (screen: Screen, style: Style, everySeconds: number) => {
  let progress: Progress = noProgress(screen.now());
  let last = -Infinity;
  const say = (text: string): void => {
    last = screen.now();
    screen.write(`${text}\n`);
  };
  return (event: RunEvent): void => {
    progress = follow(progress, event, screen.now());
    const stays = lasting(event, style);
    if (stays !== undefined) say(stays);
    else if (event._tag === "Started") say(heading(progress, style));
    else if (event._tag === "Evaluated") say(evaluationText(progress));
    else if (event._tag === "Updated" && screen.now() - last >= everySeconds * 1000) {
      say(progressLine(progress, screen.now()));
    }
  };
};

/** A console tracker on a screen. */
export const consoleTracker = (options: typeof Options.Encoded, screen: Screen) =>
  Effect.gen(function* () {
    const { mode, color, everySeconds } = yield* decodeOptions("tracker-console", Options, options);
    const colours = color === "always" || (color === "auto" && screen.isTTY && !screen.noColor);
    const style = colours ? coloured : uncoloured;
    const redraws = mode === "live" || (mode === "auto" && screen.isTTY);
    const listen = redraws ? yield* live(screen, style) : plain(screen, style, everySeconds);
    return Tracker.of({ event: (event) => Effect.sync(() => listen(event)) });
  });

/** A tracker that shows the run on this process's terminal. */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Tracker,
    Effect.suspend(() => consoleTracker(options, terminal())),
  );
