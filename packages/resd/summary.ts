/** What a run comes to: counted while it goes on, written when it ends, however it ends. */
import {
  AbilityScore,
  Evaluation,
  type HistoryLine,
  type ModelUse,
  type Phase,
  type ProbeResult,
} from "@resd/core";
import { Schema } from "effect";
import { AbilityChange, abilityChanges, abilityScores } from "./abilities.ts";
import { bestPoint, chosenBy } from "./best.ts";
import { Diagnosis } from "./detect/finding.ts";
import { pickByRankSum } from "./rank_sum.ts";
import { PhaseStart } from "./schedule.ts";
import type { Measure } from "./task_scores.ts";

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0));

/** Held-out results of one role; `after` is there once the run has finished. */
const BeforeAfter = Schema.Struct({
  before: Schema.optionalKey(Evaluation),
  after: Schema.optionalKey(Evaluation),
});

/** Costs by what the model was asked for. */
export const ByPurpose = Schema.Struct({
  rollout: Count,
  reflect: Count,
  curate: Count,
  evaluate: Count,
});

/** A point of the learning curve. */
export const CurvePoint = Schema.Struct({
  /** Inner updates done. */
  update: Count,
  /** Training episodes opened until then. */
  interactions: Count,
  student: Evaluation,
  teacher: Schema.optionalKey(Evaluation),
  /** The student on the tasks of splits.select. */
  select: Schema.optionalKey(Evaluation),
});
export type CurvePoint = typeof CurvePoint.Type;

/** Why no further update was made: all were, the stop rule held, or patience was at its end. */
export const EndedBy = Schema.Literals(["updates", "stop", "patience"]);
export type EndedBy = typeof EndedBy.Type;

/** The counted part of summary.json. */
export const Summary = Schema.Struct({
  /** What the run was called. */
  name: Schema.String,
  seed: Schema.Int,
  /** Inner updates done. */
  updates: Count,
  /** Absent when the run was interrupted or failed. */
  endedBy: Schema.optionalKey(EndedBy),
  /** Training episodes opened: the paper's axis of sample efficiency. Nothing else is counted here. */
  interactions: Count,
  /** Held-out episodes opened. */
  evaluationEpisodes: Count,
  wallSeconds: Schema.Finite,
  /** Of the student, from bare prompts. */
  heldOut: BeforeAfter,
  /** Of the teacher's weights with the playbook in context; absent when not measured. */
  teacher: Schema.optionalKey(BeforeAfter),
  /** The evaluation whose policy was kept (evaluation.keepBest): its policy lies beside that of the end. */
  best: Schema.optionalKey(
    Schema.Struct({
      update: Count,
      interactions: Count,
      measure: Schema.String,
      /** The tasks that chose it; when they are the held-out ones, `heldOut` is too good. */
      split: Schema.String,
      /** The measure on the tasks that chose it. */
      value: Schema.Finite,
      heldOut: Evaluation,
    }),
  ),
  /** The evaluation that the paper's rule would report: the best sum of ranks over the four measures of the student. */
  rankSum: Schema.optionalKey(Schema.Struct({ update: Count, interactions: Count })),
  /** What the policy can do besides its tasks; absent without probes, `after` and `changes` once the run has finished. */
  abilities: Schema.optionalKey(
    Schema.Struct({
      before: Schema.Record(Schema.String, AbilityScore),
      after: Schema.optionalKey(Schema.Record(Schema.String, AbilityScore)),
      /** Probe by probe. */
      changes: Schema.optionalKey(Schema.Record(Schema.String, AbilityChange)),
    }),
  ),
  /** Seconds by phase. */
  phases: Schema.Record(Schema.String, Schema.Finite),
  modelCalls: ByPurpose,
  /** Tokens sampled. */
  generatedTokens: ByPurpose,
  playbook: Schema.Struct({
    /** Entries at the end, over all playbooks. */
    size: Count,
    added: Count,
    /** Entries that left, by reason. */
    removed: Schema.Record(Schema.String, Count),
  }),
  curve: Schema.Array(CurvePoint),
  /** When each phase of the run's schedule began; absent without one. */
  schedule: Schema.optionalKey(Schema.Array(PhaseStart)),
  /** Signs that nothing was learned or that the policy collapsed, each with its likely cause; empty where all went well. */
  diagnoses: Schema.Array(Diagnosis),
  /** Hash of the student's weights at the end. */
  parameters: Schema.String,
});
export type Summary = typeof Summary.Type;

/** What the model was asked for. */
export type Purpose = keyof typeof ByPurpose.Type;

/** The counters of a run. */
export interface Totals {
  updates: number;
  endedBy?: EndedBy;
  interactions: number;
  evaluationEpisodes: number;
  parameters: string;
  readonly modelCalls: Record<Purpose, number>;
  readonly generatedTokens: Record<Purpose, number>;
  added: number;
  readonly removed: Record<string, number>;
  readonly sizes: Map<string, number>;
  readonly curve: Array<CurvePoint>;
  readonly diagnoses: Array<Diagnosis>;
  /** When each phase of a schedule began; empty without one. */
  readonly schedule: Array<PhaseStart>;
  /** What probes said each time they were asked. */
  readonly probed: Array<ReadonlyArray<ProbeResult>>;
}

const noCosts = (): Record<Purpose, number> => ({ rollout: 0, reflect: 0, curate: 0, evaluate: 0 });

/** Counters at zero. */
export const makeTotals = (): Totals => ({
  updates: 0,
  interactions: 0,
  evaluationEpisodes: 0,
  parameters: "",
  modelCalls: noCosts(),
  generatedTokens: noCosts(),
  added: 0,
  removed: {},
  sizes: new Map(),
  curve: [],
  diagnoses: [],
  schedule: [],
  probed: [],
});

/** Adds the cost of one call to a purpose. */
export const countUse = (totals: Totals, purpose: Purpose, use: ModelUse): void => {
  totals.modelCalls[purpose] += use.modelCalls;
  totals.generatedTokens[purpose] += use.generatedTokens;
};

/** Counts what the history of one playbook says of an update; `size` is its number of entries afterwards. */
export const countChanges = (
  totals: Totals,
  key: string,
  size: number,
  lines: ReadonlyArray<HistoryLine>,
): void => {
  totals.sizes.set(key, size);
  for (const { change } of lines) {
    if (change._tag === "Added") totals.added++;
    if (change._tag === "Removed") {
      totals.removed[change.reason] = (totals.removed[change.reason] ?? 0) + 1;
    }
  }
};

const ends = (
  curve: ReadonlyArray<CurvePoint>,
  updates: number,
  finished: boolean,
  role: "student" | "teacher",
): { before?: Evaluation; after?: Evaluation } => {
  const before = curve[0]?.[role];
  const last = curve.at(-1);
  const after = finished && last?.update === updates ? last[role] : undefined;
  return {
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
};

const abilitiesOf = ([before, after]: Totals["probed"]):
  | typeof Summary.fields.abilities.Type
  | undefined =>
  before === undefined
    ? undefined
    : {
        before: abilityScores(before),
        ...(after === undefined
          ? {}
          : { after: abilityScores(after), changes: abilityChanges(before, after) }),
      };

/** The summary of what has been counted; before the end of a run it has no `after`. */
export const summaryOf = (
  totals: Totals,
  facts: {
    readonly name: string;
    readonly seed: number;
    readonly wallSeconds: number;
    readonly phases: Readonly<Partial<Record<Phase, number>>>;
    readonly finished: boolean;
    /** By what the best policy is kept; absent when none is. */
    readonly best?: { readonly measure: Measure; readonly split: string };
  },
): Summary => {
  const { curve, updates } = totals;
  const best = facts.best && bestPoint(curve, facts.best.measure);
  const abilities = abilitiesOf(totals.probed);
  const reported = curve[pickByRankSum(curve.map(({ student }) => student)) ?? -1];
  const teacher = ends(curve, updates, facts.finished, "teacher");
  return {
    name: facts.name,
    seed: facts.seed,
    updates,
    ...(totals.endedBy === undefined ? {} : { endedBy: totals.endedBy }),
    interactions: totals.interactions,
    evaluationEpisodes: totals.evaluationEpisodes,
    wallSeconds: facts.wallSeconds,
    heldOut: ends(curve, updates, facts.finished, "student"),
    ...(Object.keys(teacher).length === 0 ? {} : { teacher }),
    ...(best === undefined || facts.best === undefined
      ? {}
      : {
          best: {
            update: best.update,
            interactions: best.interactions,
            ...facts.best,
            value: chosenBy(best, facts.best.measure),
            heldOut: best.student,
          },
        }),
    ...(reported === undefined
      ? {}
      : { rankSum: { update: reported.update, interactions: reported.interactions } }),
    ...(abilities === undefined ? {} : { abilities }),
    phases: { ...facts.phases },
    modelCalls: { ...totals.modelCalls },
    generatedTokens: { ...totals.generatedTokens },
    playbook: {
      size: [...totals.sizes.values()].reduce((sum, size) => sum + size, 0),
      added: totals.added,
      removed: { ...totals.removed },
    },
    curve: [...curve],
    ...(totals.schedule.length === 0 ? {} : { schedule: [...totals.schedule] }),
    diagnoses: [...totals.diagnoses],
    parameters: totals.parameters,
  };
};
