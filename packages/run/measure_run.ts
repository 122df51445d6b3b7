/** A trained policy measured again: from bare prompts, and with its playbook in context. */
import type { Evaluation } from "@resd/core";
import { evaluate, heldOutTasks } from "@resd/resd";
import { Duration, Effect, FileSystem } from "effect";
import { times } from "./event_lines.ts";
import { writeJson, writeWhole } from "./files.ts";
import { type RecordedRun, entriesFor } from "./read_run.ts";

/** What an evaluation of a finished run found. */
export interface Measurement {
  readonly run: string;
  readonly split: string;
  readonly seed: number;
  /** From bare prompts, as the run itself measures the student. */
  readonly bare: Evaluation;
  /** The same weights and draws, with the final playbook in every prompt; absent when it is empty. */
  readonly withPlaybook?: Evaluation;
  readonly playbookEntries: number;
  /** The report and the attempts of both measurements. */
  readonly files: ReadonlyArray<string>;
}

const attemptLines = (measured: Effect.Success<ReturnType<typeof evaluate>>): string =>
  measured.rollouts
    .map(({ attempt, ungraded }) => {
      const { ids: _ids, mask: _mask, logProbs: _logProbs, ...told } = attempt;
      return `${JSON.stringify({ ...told, ...(ungraded === undefined ? {} : { ungraded }) })}\n`;
    })
    .join("");

const freeNumber = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  for (let number = 1; ; number++) {
    const name = `${folder}/${String(number).padStart(3, "0")}`;
    if (!(yield* fs.exists(`${name}.json`))) return name;
  }
});

/** Measures a recorded run on the parts in the context, and writes what it found into the run's folder. */
export const measureRun = Effect.fn("measureRun")(function* (recorded: RecordedRun) {
  const { config, files } = recorded;
  const { rows } = yield* heldOutTasks(config.resd);
  const entries = entriesFor(recorded);
  const measure = (shown: typeof entries) =>
    evaluate(config.resd, config.seed, rows, "student", shown);
  const playbookEntries = [...recorded.playbooks.values()].reduce(
    (sum, { entries: all }) => sum + all.length,
    0,
  );

  const [taken, { bare, informed }] = yield* Effect.timed(
    Effect.gen(function* () {
      return {
        bare: yield* measure(() => []),
        informed: playbookEntries === 0 ? undefined : yield* measure(entries),
      };
    }),
  );

  const fs = yield* FileSystem.FileSystem;
  yield* fs.makeDirectory(files.evaluations, { recursive: true });
  const name = yield* freeNumber(files.evaluations);
  const attempts = [`${name}.bare.jsonl`, `${name}.playbook.jsonl`];
  yield* writeWhole(attempts[0]!, attemptLines(bare));
  if (informed !== undefined) yield* writeWhole(attempts[1]!, attemptLines(informed));
  const measurement: Measurement = {
    run: files.folder,
    split: config.resd.splits.evaluate,
    seed: config.seed,
    bare: bare.evaluation,
    ...(informed === undefined ? {} : { withPlaybook: informed.evaluation }),
    playbookEntries,
    files: [`${name}.json`, ...attempts.slice(0, informed === undefined ? 1 : 2)],
  };
  yield* writeJson(`${name}.json`, {
    ...measurement,
    ...times({ seconds: Duration.toSeconds(taken) }),
  });
  return measurement;
});
