/** How far a comparison is: counted from its events, and written as lines. */
import { type Cell, type ConductEvent, cellName } from "@resd/compare";
import type { CellProgress } from "./cell_messages.ts";

interface Running {
  readonly cell: Cell;
  readonly since: number;
  readonly progress?: CellProgress;
}

/** What is known; times are milliseconds of the caller's clock. */
export interface CompareProgress {
  readonly planned: ReadonlyArray<Cell>;
  readonly jobs: number;
  readonly found: number;
  readonly finished: number;
  readonly failed: number;
  readonly running: ReadonlyMap<string, Running>;
  /** Cells that have ended, by place and seed. */
  readonly ended: ReadonlySet<string>;
  /** Seconds that whole cells of a kind took. */
  readonly seconds: ReadonlyMap<string, ReadonlyArray<number>>;
}

export const noCells: CompareProgress = {
  planned: [],
  jobs: 1,
  found: 0,
  finished: 0,
  failed: 0,
  running: new Map(),
  ended: new Set(),
  seconds: new Map(),
};

/** Cells of one kind take about as long as each other. */
const kindOf = ({ variant, role }: Cell): string =>
  role._tag === "Result" ? variant : `${variant}/${role.setting}`;

const without = (running: CompareProgress["running"], name: string) =>
  new Map([...running].filter(([key]) => key !== name));

const took = (
  seconds: CompareProgress["seconds"],
  cell: Cell,
  value: number,
): CompareProgress["seconds"] => {
  const kind = kindOf(cell);
  return new Map([...seconds, [kind, [...(seconds.get(kind) ?? []), value]]]);
};

/** The progress after an event. */
export const follow = (
  before: CompareProgress,
  event: ConductEvent,
  now: number,
): CompareProgress => {
  if (event._tag === "Planned") return { ...before, planned: event.cells, jobs: event.jobs };
  if (event._tag === "Chosen") return before;
  const name = cellName(event.cell);
  if (event._tag === "Started") {
    return {
      ...before,
      running: new Map([...before.running, [name, { cell: event.cell, since: now }]]),
    };
  }
  const ended = new Set([...before.ended, name]);
  if (event._tag === "Found") {
    const { wallSeconds } = event.result.cost;
    return {
      ...before,
      found: before.found + 1,
      ended,
      seconds: took(before.seconds, event.cell, wallSeconds),
    };
  }
  const running = without(before.running, name);
  const since = before.running.get(name)?.since ?? now;
  return event.outcome._tag === "Failed"
    ? { ...before, running, ended, failed: before.failed + 1 }
    : {
        ...before,
        running,
        ended,
        finished: before.finished + 1,
        seconds: took(before.seconds, event.cell, (now - since) / 1000),
      };
};

/** The progress after a running cell has said how far it is. */
export const advance = (
  before: CompareProgress,
  cell: Cell,
  progress: CellProgress,
): CompareProgress => {
  const name = cellName(cell);
  const running = before.running.get(name);
  return running === undefined
    ? before
    : { ...before, running: new Map([...before.running, [name, { ...running, progress }]]) };
};

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const shareDone = (progress: CellProgress | undefined): number =>
  progress === undefined || progress.planned === 0 ? 0 : progress.updates / progress.planned;

/** Below this share a running cell says nothing about how long it will take. */
const TELLING = 0.1;

/** Seconds until everything has been run, as far as it can be told; undefined before anything can. */
export const secondsLeft = (progress: CompareProgress, now: number): number | undefined => {
  const known = new Map([...progress.seconds].map(([kind, all]) => [kind, mean(all)]));
  for (const { cell, since, progress: how } of progress.running.values()) {
    const share = shareDone(how);
    if (!known.has(kindOf(cell)) && share >= TELLING) {
      known.set(kindOf(cell), (now - since) / 1000 / share);
    }
  }
  if (known.size === 0) return undefined;
  const typical = mean([...known.values()]);
  const expected = (cell: Cell) => known.get(kindOf(cell)) ?? typical;
  const left = progress.planned.map((cell) => {
    const name = cellName(cell);
    if (progress.ended.has(name)) return 0;
    const running = progress.running.get(name);
    return running === undefined
      ? expected(cell)
      : Math.max(0, expected(cell) - (now - running.since) / 1000);
  });
  const total = left.reduce((sum, seconds) => sum + seconds, 0);
  return Math.max(total / progress.jobs, ...left);
};

/** `45 s`, `12 min`, `2 h 05 min`. */
export const duration = (seconds: number): string => {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60
    ? `${minutes} min`
    : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
};

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** How many cells have ended, and how long the others will take. */
export const overallLine = (progress: CompareProgress, now: number): string => {
  const { planned, ended, found, failed } = progress;
  const left = secondsLeft(progress, now);
  return [
    `${ended.size} of ${planned.length} cells`,
    ...(found > 0 ? [`${found} from before`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(left === undefined || ended.size === planned.length
      ? []
      : [`about ${duration(left)} left`]),
  ].join(" · ");
};

/** One line for a running cell. */
const runningLine = ({ cell, since, progress }: Running, now: number): string =>
  [
    `  ${cellName(cell)}`,
    progress === undefined
      ? "starting"
      : `update ${progress.updates} of at most ${progress.planned}, ${progress.interactions} interactions`,
    ...(progress?.success === undefined ? [] : [`held out ${percent(progress.success)}`]),
    duration((now - since) / 1000),
  ].join(" · ");

/** The block that a terminal shows. */
export const blockLines = (progress: CompareProgress, now: number): ReadonlyArray<string> => [
  overallLine(progress, now),
  ...[...progress.running.values()].map((running) => runningLine(running, now)),
];

/** What stays on the terminal of an event. */
export const lastingLine = (event: ConductEvent): string | undefined => {
  switch (event._tag) {
    case "Ended": {
      const name = cellName(event.cell);
      if (event.outcome._tag === "Failed") {
        return `failed    ${name}: ${event.outcome.failure.message}`;
      }
      const { curve, cost } = event.outcome.result;
      const { success, interactions } = curve.at(-1)!;
      return `finished  ${name}: ${percent(success)} after ${interactions} interactions, ${duration(cost.wallSeconds)}`;
    }
    case "Chosen": {
      const { variant, tried, chosen } = event.outcome;
      return chosen === null
        ? `no setting of ${variant} could be run`
        : `setting   ${variant}: ${tried[chosen]!.text} (${chosen + 1} of ${tried.length})`;
    }
    default:
      return undefined;
  }
};
