/** `resd eval`: measures the trained policies of runs again, or tells what the runs have measured themselves. */
import type { TaskScores } from "@resd/core";
import {
  RANKED,
  crossFit,
  evaluationOf,
  measureEstimate,
  pickByRankSum,
  rankSums,
} from "@resd/resd";
import {
  type Estimates,
  type Override,
  type RecordedRun,
  type RunConfig,
  type Untrained,
  askUntrained,
  composeMeasuring,
  configError,
  measureRun,
  readProbes,
  readRun,
  readScores,
} from "@resd/run";
import { Console, Effect, type Option } from "effect";
import { type Recorded, measuredText, recordedText } from "./eval_report.ts";
import { hostLayer } from "./host.ts";
import { inkFor } from "./ink.ts";
import { recordedParts } from "./recorded_parts.ts";

export interface EvalInput {
  readonly runs: ReadonlyArray<string>;
  readonly file: Option.Option<string>;
  /** The best policy that a run has kept, instead of the last one. */
  readonly best: boolean;
  /** Only what the folders hold; no model is loaded. */
  readonly recorded: boolean;
  readonly json: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

const estimatesOf = (scores: ReadonlyArray<TaskScores>): Estimates =>
  Object.fromEntries(
    RANKED.map((measure) => [measure, measureEstimate(scores, measure)]),
  ) as Estimates;

/** What the run itself measured of the policy that is measured again: at its end, or when it was kept. */
const measuredThen = Effect.fnUntraced(function* ({ files, summary }: RecordedRun, best: boolean) {
  if (!best && summary.heldOut.after === undefined) return undefined;
  const update = best ? summary.best?.update : summary.updates;
  const scores = yield* Effect.orElseSucceed(readScores(files.folder), () => []);
  const found = scores.find((one) => one.update === update);
  return found === undefined ? undefined : estimatesOf(found.student);
});

/** Loads the policy of a run and measures it. */
const measureAgain = Effect.fnUntraced(function* (run: string, input: EvalInput) {
  const recorded = yield* readRun(run, input.best ? "best" : "end");
  const parts = yield* recordedParts(run, recorded.config, {
    verb: "eval",
    values: { model: recorded.model, loraAdapter: null },
    file: input.file,
    overrides: input.overrides,
  });
  const { config, layers } = parts;
  const { loraAdapter: _, ...trained } = config;
  const { model: untrainedModel, loraAdapter } = recorded.config;
  const untrainedConfig = {
    ...trained,
    model: untrainedModel,
    ...(loraAdapter && { loraAdapter }),
  };
  const measuringWith = (of: RunConfig) => composeMeasuring({ ...parts, config: of });

  const { probes: asked = false } = config;
  const probes = yield* readProbes({ model: untrainedModel, probes: asked });
  const untrained: Untrained | undefined =
    probes.length === 0
      ? undefined
      : layers.policy !== undefined
        ? { missing: "the policy is a layer in code" }
        : yield* askUntrained(recorded, probes).pipe(
            Effect.provide(measuringWith(untrainedConfig)),
            Effect.catch(({ message }) => Effect.succeed({ missing: message })),
          );
  const measured = yield* measureRun(
    { ...recorded, config },
    untrained === undefined ? undefined : { probes, untrained },
  ).pipe(Effect.provide(measuringWith(config)));
  if (input.json) return JSON.stringify(measured);
  const then = yield* measuredThen(recorded, input.best);
  return measuredText(measured, then, inkFor(process.stdout));
});

/** What a run's folder says of its evaluations. */
const tellRecorded = Effect.fnUntraced(function* (run: string, input: EvalInput) {
  const { config, summary } = yield* readRun(run);
  const { samples: k } = config.resd.evaluation;
  const scores = yield* readScores(run);
  const evaluations = scores.map(({ student }) => evaluationOf(student, k));
  const picked = pickByRankSum(evaluations);
  if (picked === undefined) {
    const message = `Expected evaluations, got none, at ${run}/eval; the run ${summary.outcome} before the first`;
    return yield* configError([{ path: "runs", source: run, message }]);
  }
  const sums = rankSums(evaluations);
  const fitted = crossFit(
    scores.map(({ student }) => student),
    k,
    "perTask",
  );
  const recorded: Recorded = {
    run,
    split: config.resd.splits.evaluate,
    tasks: evaluations[0]!.tasks,
    k,
    curve: scores.map(({ update, student }, i) => ({
      update,
      interactions: summary.curve.find((point) => point.update === update)?.interactions ?? 0,
      estimates: estimatesOf(student),
      rankSum: sums[i]!,
    })),
    picked: scores[picked]!.update,
    ...(fitted === undefined ? {} : { crossFit: fitted }),
    ...(summary.best === undefined
      ? {}
      : { kept: { update: summary.best.update, split: summary.best.split } }),
  };
  return input.json ? JSON.stringify(recorded) : recordedText(recorded, inkFor(process.stdout));
});

export const evaluate = Effect.fnUntraced(
  function* (input: EvalInput) {
    for (const [i, run] of input.runs.entries()) {
      const said = yield* input.recorded ? tellRecorded(run, input) : measureAgain(run, input);
      yield* Console.log(i === 0 || input.json ? said : `\n${said}`);
    }
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
