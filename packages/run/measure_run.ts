/** A trained policy measured again: from bare prompts, with its playbook in context, and on what it could do before. */
import {
  type AbilityScore,
  type Evaluation,
  Policy,
  type Probe,
  type ProbeResult,
} from "@resd/core";
import {
  type AbilityChange,
  type Estimate,
  type Measure,
  RANKED,
  abilityChanges,
  abilityScores,
  askProbes,
  evaluate,
  heldOutTasks,
  measureEstimate,
  pairedDifference,
} from "@resd/resd";
import { Duration, Effect, FileSystem } from "effect";
import { times } from "./event_lines.ts";
import { writeJson, writeLines, writeWhole } from "./files.ts";
import { type RecordedRun, entriesFor } from "./read_run.ts";

/** The four measures with their 95 % intervals over tasks. */
export type Estimates = Readonly<Record<Measure, Estimate>>;

/** What became of abilities besides the tasks. */
export interface Abilities {
  readonly before?: Readonly<Record<string, AbilityScore>>;
  readonly after: Readonly<Record<string, AbilityScore>>;
  readonly changes?: Readonly<Record<string, AbilityChange>>;
  /** Why there is no `before`. */
  readonly missing?: string;
}

/** What an evaluation of a finished run found. */
export interface Measurement {
  readonly run: string;
  /** The folder of the weights that were measured. */
  readonly model: string;
  readonly split: string;
  readonly seed: number;
  /** From bare prompts, as the run itself measures the student. */
  readonly bare: Evaluation;
  /** The same weights and draws, with the playbook in every prompt; absent when it is empty. */
  readonly withPlaybook?: Evaluation;
  readonly playbookEntries: number;
  readonly estimates: {
    readonly bare: Estimates;
    readonly withPlaybook?: Estimates;
    /** With the playbook minus without, task by task. */
    readonly playbookEffect?: Estimates;
  };
  /** Absent without probes. */
  readonly abilities?: Abilities;
  /** The report, the attempts of both measurements, and the replies to probes. */
  readonly files: ReadonlyArray<string>;
}

/** What the untrained policy answered, or why that cannot be told. */
export type Untrained =
  | { readonly results: ReadonlyArray<ProbeResult> }
  | { readonly missing: string };

/**
 * Asks the policy in the context, which should be the one that a run started from. If its weights are others by now, nothing
 * can be compared with them.
 */
export const askUntrained = Effect.fn("askUntrained")(function* (
  { config, weights }: Pick<RecordedRun, "config" | "weights">,
  probes: ReadonlyArray<Probe>,
) {
  const found = yield* (yield* Policy).version("student");
  const untrained: Untrained =
    weights === undefined || found === weights
      ? { results: (yield* askProbes(probes)).results }
      : {
          missing: `the weights in ${config.model} are not those that the run started from (now ${found}, then ${weights})`,
        };
  return untrained;
});

const estimatesOf = (of: (measure: Measure) => Estimate): Estimates =>
  Object.fromEntries(RANKED.map((measure) => [measure, of(measure)])) as Estimates;

const abilitiesOf = (after: ReadonlyArray<ProbeResult>, untrained: Untrained): Abilities => ({
  ...("missing" in untrained
    ? { missing: untrained.missing }
    : {
        before: abilityScores(untrained.results),
        changes: abilityChanges(untrained.results, after),
      }),
  after: abilityScores(after),
});

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
export const measureRun = Effect.fn("measureRun")(function* (
  recorded: RecordedRun,
  probing?: { readonly probes: ReadonlyArray<Probe>; readonly untrained: Untrained },
) {
  const { config, files } = recorded;
  const { rows } = yield* heldOutTasks(config.resd);
  const entries = entriesFor(recorded);
  const measure = (shown: typeof entries) =>
    evaluate(config.resd, config.seed, rows, "student", shown);
  const playbookEntries = [...recorded.playbooks.values()].reduce(
    (sum, { entries: all }) => sum + all.length,
    0,
  );

  const [taken, { bare, informed, probed }] = yield* Effect.timed(
    Effect.gen(function* () {
      return {
        bare: yield* measure(() => []),
        informed: playbookEntries === 0 ? undefined : yield* measure(entries),
        probed: probing === undefined ? undefined : yield* askProbes(probing.probes),
      };
    }),
  );

  const fs = yield* FileSystem.FileSystem;
  yield* fs.makeDirectory(files.evaluations, { recursive: true });
  const name = yield* freeNumber(files.evaluations);
  const written = [`${name}.json`, `${name}.bare.jsonl`];
  yield* writeWhole(`${name}.bare.jsonl`, attemptLines(bare));
  if (informed !== undefined) {
    yield* writeWhole(`${name}.playbook.jsonl`, attemptLines(informed));
    written.push(`${name}.playbook.jsonl`);
  }
  if (probed !== undefined) {
    yield* writeLines(`${name}.probes.jsonl`, probed.results);
    written.push(`${name}.probes.jsonl`);
  }
  const measurement: Measurement = {
    run: files.folder,
    model: recorded.model,
    split: config.resd.splits.evaluate,
    seed: config.seed,
    bare: bare.evaluation,
    ...(informed === undefined ? {} : { withPlaybook: informed.evaluation }),
    playbookEntries,
    estimates: {
      bare: estimatesOf((one) => measureEstimate(bare.scores, one)),
      ...(informed && {
        withPlaybook: estimatesOf((one) => measureEstimate(informed.scores, one)),
      }),
      ...(informed && {
        playbookEffect: estimatesOf((one) => pairedDifference(bare.scores, informed.scores, one)),
      }),
    },
    ...(probing && probed && { abilities: abilitiesOf(probed.results, probing.untrained) }),
    files: written,
  };
  yield* writeJson(`${name}.json`, {
    ...measurement,
    ...times({ seconds: Duration.toSeconds(taken) }),
  });
  return measurement;
});
