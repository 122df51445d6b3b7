/**
 * The flat metrics of an inner update. Every key is documented here, where it is made; all are numbers but
 * those that name a hash, a reason or a phase.
 */
import type {
  Attempt,
  HistoryLine,
  RolloutRecord,
  SampleReport,
  TrainSample,
  UpdateReport,
} from "@resd/core";
import { SignalReason, hashName } from "@resd/core";
import type { ContextUpdate } from "./context_update.ts";
import type { Rollouts } from "./rollout_request.ts";
import type { Totals } from "./summary.ts";
import type { TeacherContext } from "./teacher_context.ts";

/** Values by key: a line of metrics.jsonl without its times. */
export type Metrics = Readonly<Record<string, number | string>>;

/** Everything of one inner update that is measured. */
export interface Measurable {
  /** Batches drawn before this one. */
  readonly batch: number;
  /** Inner updates made on this batch before this one. */
  readonly inner: number;
  readonly phase?: string;
  readonly learningRate: number;
  readonly rolledOut: Rollouts;
  /** The graded attempts, in sample order. */
  readonly attempts: ReadonlyArray<Attempt>;
  readonly solved: ReadonlyArray<boolean>;
  readonly samples: ReadonlyArray<TrainSample>;
  readonly records: ReadonlyArray<RolloutRecord>;
  readonly contexts: ReadonlyArray<TeacherContext | undefined>;
  readonly context: ContextUpdate;
  /** New history lines of all playbooks. */
  readonly lines: ReadonlyArray<HistoryLine>;
  readonly report: UpdateReport;
  readonly totals: Totals;
}

const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

const share = <A>(items: ReadonlyArray<A>, holds: (item: A) => boolean): number =>
  mean(items.map((item) => (holds(item) ? 1 : 0)));

const count = (names: ReadonlyArray<string>, prefix: string): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[`${prefix}${name}`] = (counts[`${prefix}${name}`] ?? 0) + 1;
  return counts;
};

/** A name for what was sampled: equal in two runs exactly if all rollouts of the update are, id by id. */
export const rolloutHash = (attempts: ReadonlyArray<Attempt>): string =>
  hashName(...attempts.map((attempt) => `${attempt.from}:${attempt.ids.join(",")}`));

/** Means over trained tokens of what the policy reports per sample. */
const overTokens = (
  reports: ReadonlyArray<SampleReport>,
  read: (report: SampleReport) => number,
): number => {
  const tokens = reports.reduce((sum, report) => sum + report.tokens, 0);
  return tokens === 0
    ? 0
    : reports.reduce((sum, report) => sum + read(report) * report.tokens, 0) / tokens;
};

/** Loss and optimizer. */
const learning = ({ batch, inner, phase, learningRate, report, samples }: Measurable): Metrics => ({
  /** Batches drawn before this one. */
  batch,
  /** Inner updates made on this batch before this one. */
  inner,
  /** The phase of the run's schedule; absent without one. */
  ...(phase === undefined ? {} : { phase }),
  /** The objective's value over the batch. */
  loss: report.loss,
  /** Global norm of the gradient, before clipping. */
  gradNorm: report.gradNorm,
  /** Rate of the optimizer's step, after warm-up. */
  learningRate,
  /** ‖θ_after − θ_before‖₂; 0 means that nothing was learned. */
  paramDeltaNorm: report.paramDeltaNorm,
  /** ‖θ_T − θ‖₂ after the teacher rule. */
  teacherDrift: report.teacherDrift,
  /** Mean |log p at training − log p at sampling|: near 0 unless the sampler's weights or its truncation differ. */
  logProbGap: report.logProbGap,
  /** Hash of the student's weights after the update. */
  policyVersion: report.policyVersion,
  /** Why the step changed nothing; absent when it did. */
  ...(report.skipped === undefined ? {} : { skipped: report.skipped }),
  /** Mean per trained token, before weights. */
  divergence: overTokens(report.samples, (sample) => sample.divergence),
  /** Nats per trained token. */
  "entropy/student": overTokens(report.samples, (sample) => sample.studentEntropy),
  "entropy/teacher": overTokens(report.samples, (sample) => sample.teacherEntropy),
  /** Share of buckets at a clamp of the probability ratio. */
  clampedFraction: overTokens(report.samples, (sample) => sample.clampedFraction),
  /** Tokens that were trained on. */
  "tokens/trained": samples.reduce(
    (sum, { mask, signal }) =>
      signal.startsWith("none:") ? sum : sum + mask.reduce((all, one) => all + one, 0),
    0,
  ),
});

/** What was sampled and how it did. */
const rollouts = ({ attempts, solved, rolledOut, records }: Measurable): Metrics => ({
  /** Name of all rollouts of the update: equal in equal runs. */
  rolloutHash: rolloutHash(attempts),
  /** Share of graded attempts that the environment calls a success. */
  "train/success": share(attempts, (attempt) => attempt.success),
  /** Share that reached the run's success rule. */
  "train/solved": share(solved, (one) => one),
  /** Mean passed share of the tests. */
  "train/perTest": mean(attempts.map((attempt) => attempt.fraction)),
  "train/reward": mean(attempts.map((attempt) => attempt.reward)),
  /** Share of attempts whose last answer was cut by length. */
  "train/truncated": share(attempts, (attempt) => attempt.truncated),
  /** Tokens sampled in rollouts. */
  "tokens/rollout": rolledOut.use.generatedTokens,
  /** Tokens sampled per graded attempt. */
  "tokens/perAttempt": mean(
    attempts.map((attempt) => attempt.mask.reduce((sum, sampled) => sum + sampled, 0)),
  ),
  /** Attempts by how the environment could read the last answer: `parse/ok`, `parse/malformed`, … */
  ...count(
    attempts.map((attempt) => attempt.results.at(-1)?.parse ?? "not_applicable"),
    "parse/",
  ),
  /** Attempts by why they teach or not; all reasons, also those that did not occur: `signal/reflection`, … */
  ...Object.fromEntries(SignalReason.literals.map((reason) => [`signal/${reason}`, 0])),
  ...count(
    records.map((record) => record.signal),
    "signal/",
  ),
});

/** Reflections, curations, and what the playbook went through. */
const words = ({ context, lines, totals }: Measurable): Metrics => {
  const reflections = [...context.reflections.values()];
  const curations = [...context.curations.values()];
  const tags = lines.flatMap(({ change }) => (change._tag === "Tagged" ? [change.tag.sign] : []));
  const removals = lines.flatMap(({ change }) =>
    change._tag === "Removed" ? [change.reason] : [],
  );
  return {
    /** Failures that were reflected on. */
    reflections: reflections.length,
    /** Reflections that state a lesson. */
    lessons: reflections.filter((reflection) => reflection.insight !== undefined).length,
    /** Reflections by how their reply could be read: `reflections/ok`, … */
    ...count(
      reflections.map((reflection) => reflection.parse),
      "reflections/",
    ),
    /** Curator calls, and by how their reply could be read: `curations/ok`, … */
    curations: curations.length,
    ...count(
      curations.map((curation) => curation.parse),
      "curations/",
    ),
    /** Calls about successes by how their reply could be read: `credits/ok`, … */
    ...count(context.credits ?? [], "credits/"),
    /** Credit that reached an entry. */
    "tags/helpful": tags.filter((sign) => sign === "helpful").length,
    "tags/harmful": tags.filter((sign) => sign === "harmful").length,
    /** Entries over all playbooks, after the update. */
    "playbook/size": [...totals.sizes.values()].reduce((sum, size) => sum + size, 0),
    /** Entries added, rewritten and gone in this update; gone also by reason: `playbook/removed/stale`, … */
    "playbook/added": lines.filter(({ change }) => change._tag === "Added").length,
    "playbook/updated": lines.filter(({ change }) => change._tag === "Updated").length,
    "playbook/removed": removals.length,
    ...count(removals, "playbook/removed/"),
  };
};

/** Teacher prompts. */
const teaching = ({ contexts }: Measurable): Metrics => {
  const fits = contexts.flatMap((context) => (context?._tag === "Fits" ? [context] : []));
  const lengths = fits.map((context) => context.ids.length);
  return {
    /** Tokens of the enriched prompts. */
    "teacher/promptTokens": mean(lengths),
    "teacher/promptTokensMax": Math.max(0, ...lengths),
    /** Prompts that something was left out of, for want of room. */
    "teacher/shortened": fits.filter((context) => context.dropped.length > 0).length,
    /** Things left out, over all prompts: playbook entries, turns of feedback, whole sections. */
    "teacher/dropped": fits.reduce((sum, context) => sum + context.dropped.length, 0),
    /** The same by section, where there is anything: `teacher/dropped/playbook`, … */
    ...count(
      fits.flatMap((context) => context.dropped.map((drop) => drop.section)),
      "teacher/dropped/",
    ),
  };
};

/** What it cost so far. */
const costs = ({ totals, context }: Measurable): Metrics => ({
  /** Training episodes opened since the run began. */
  interactions: totals.interactions,
  /** Calls of reflector and curator in this update, and the tokens they sampled. */
  "modelCalls/reflect": context.use.reflect.modelCalls,
  "modelCalls/curate": context.use.curate.modelCalls,
  "tokens/reflect": context.use.reflect.generatedTokens,
  "tokens/curate": context.use.curate.generatedTokens,
  /** Everything that models were asked since the run began, and all tokens sampled, evaluation included. */
  modelCalls: Object.values(totals.modelCalls).reduce((sum, calls) => sum + calls, 0),
  generatedTokens: Object.values(totals.generatedTokens).reduce((sum, tokens) => sum + tokens, 0),
});

/** All metrics of one inner update. */
export const updateMetrics = (measurable: Measurable): Metrics => ({
  ...learning(measurable),
  ...rollouts(measurable),
  ...words(measurable),
  ...teaching(measurable),
  ...costs(measurable),
});
