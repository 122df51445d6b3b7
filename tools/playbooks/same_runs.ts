/** Whether two runs are the same run: everything that they wrote, line by line, except how long it took. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { runFiles } from "@resd/run";
import { Effect, Schema } from "effect";

/** Two runs that should be the same and are not, or folders that hold no run. */
export class DifferentRunsError extends Schema.TaggedError<DifferentRunsError>()(
  "DifferentRunsError",
  { message: Schema.String },
) {}

/** How much was compared. */
export interface SameRuns {
  /** Lines of metrics.jsonl. */
  readonly metrics: number;
  /** Files of the playbook, its history among them, and lines of that. */
  readonly playbooks: number;
  readonly operations: number;
  /** Files of rollouts. */
  readonly rollouts: number;
}

/** A line of metrics.jsonl without the values that are times; everything else as it was written. */
const timeless = (line: string): string => line.replaceAll(/,"time\/[^"]*":[-+.e\d]+/g, "");

const short = (line: string | undefined): string =>
  line === undefined ? "nothing" : line.length > 200 ? `${line.slice(0, 200)}…` : line;

const different = (message: string) => new DifferentRunsError({ message });

const linesOf = (file: string) =>
  existsSync(file)
    ? Effect.sync(() => readFileSync(file, "utf8").split("\n"))
    : Effect.fail(
        different(`Expected the file of a run that came to its end, got none, at ${file}`),
      );

/** Compares one file of both; the number of its lines. */
const compareFile = Effect.fnUntraced(function* (
  first: string,
  second: string,
  what: (line: string) => string = (line) => line,
) {
  const [ours, theirs] = [yield* linesOf(first), yield* linesOf(second)];
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    const [a, b] = [ours[i], theirs[i]];
    if (a === undefined || b === undefined || what(a) !== what(b)) {
      return yield* different(
        `Expected the same line, got ${short(a)} in ${first} and ${short(b)} in ${second}, at line ${i + 1}`,
      );
    }
  }
  return ours.length - 1;
});

/** Compares the files of a folder of both; their number. */
const compareFolder = Effect.fnUntraced(function* (first: string, second: string) {
  const names = [first, second].map((folder) =>
    existsSync(folder) ? readdirSync(folder).toSorted() : [],
  );
  if (names[0]?.join() !== names[1]?.join()) {
    return yield* different(
      `Expected the same files, got ${names[0]?.length} in ${first} and ${names[1]?.length} in ${second}`,
    );
  }
  for (const name of names[0] ?? []) yield* compareFile(join(first, name), join(second, name));
  return names[0]?.length ?? 0;
});

/** Compares metrics, playbooks with their history, and rollouts. Fails at the first difference. */
export const sameRuns = Effect.fnUntraced(function* (first: string, second: string) {
  const [a, b] = [runFiles(first), runFiles(second)];
  return {
    metrics: yield* compareFile(a.metrics, b.metrics, timeless),
    operations: yield* compareFile(a.operations, b.operations),
    playbooks: yield* compareFolder(a.playbook, b.playbook),
    rollouts: yield* compareFolder(a.rollouts, b.rollouts),
  } satisfies SameRuns;
});

/** What was compared, in words. */
export const sameRunsText = ({ metrics, operations, playbooks, rollouts }: SameRuns): string =>
  `${metrics} lines of metrics (times aside), ${operations} lines of the playbook's history, ${playbooks} files of playbooks and ${rollouts} of rollouts are identical`;
