/** summary.json: what a run came to, in one object that anyone can check a claim with. */
import { Entry, type View } from "@resd/core";
import { Summary } from "@resd/resd";
import { Schema } from "effect";
import type { RunConfig } from "./run_config.ts";

/** The contents of summary.json. */
export const RunSummary = Schema.Struct({
  ...Summary.fields,
  /** What the run was called; absent in folders of runs that wrote it as their variant. */
  name: Schema.optionalKey(Schema.String),
  /** The method, as config.resolved.json has it. */
  variant: Schema.String,
  outcome: Schema.Literals(["finished", "interrupted", "failed"]),
  /** Why it failed. */
  message: Schema.optionalKey(Schema.String),
  preset: Schema.String,
  environment: Schema.String,
  model: Schema.String,
  folder: Schema.String,
  playbook: Schema.Struct({
    ...Summary.fields.playbook.fields,
    /** All entries at the end, with their credit; of playbooks per task those of all tasks. */
    entries: Schema.Array(Schema.Struct({ key: Schema.String, ...Entry.fields })),
  }),
});
export type RunSummary = typeof RunSummary.Type;

/** What a run was called, whenever it was written. */
export const runName = ({ name, variant }: RunSummary): string => name ?? variant;

/** Seconds of both by phase: the best policy is saved inside of the loop, the last one outside. */
const inAll = (
  outside: Readonly<Record<string, number>>,
  inside: Readonly<Record<string, number>>,
): Record<string, number> => {
  const all: Record<string, number> = { ...outside };
  for (const [phase, seconds] of Object.entries(inside)) {
    all[phase] = (all[phase] ?? 0) + seconds;
  }
  return all;
};

/** Adds what the run folder knows to what the loop counted. */
export const runSummary = (
  counted: Summary,
  facts: {
    readonly config: RunConfig;
    readonly folder: string;
    readonly outcome: RunSummary["outcome"];
    readonly message?: string;
    readonly views: ReadonlyMap<string, View>;
    readonly wallSeconds: number;
    /** Seconds outside the loop: loading and saving. */
    readonly phases: Readonly<Record<string, number>>;
  },
): RunSummary => ({
  ...counted,
  outcome: facts.outcome,
  ...(facts.message === undefined ? {} : { message: facts.message }),
  wallSeconds: facts.wallSeconds,
  phases: inAll(facts.phases, counted.phases),
  variant: facts.config.variant,
  preset: facts.config.preset,
  environment: facts.config.environment.use,
  model: facts.config.model,
  folder: facts.folder,
  playbook: {
    ...counted.playbook,
    entries: [...facts.views].flatMap(([key, view]) =>
      view.entries.map((entry) => ({ key, ...entry })),
    ),
  },
});
