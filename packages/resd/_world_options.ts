/** What a test may decide about its world, and the notes that all parts of the world keep together. */
import type {
  Attempt,
  EnvironmentError,
  GenerateRequest,
  Manifest,
  Operation,
  PolicyShape,
  Reflection,
  ReplyParse,
  Role,
  StepResult,
  Tag,
  TrainSample,
  UpdateReport,
  View,
} from "@resd/core";
import type { Effect } from "effect";

/** What the script is asked: the task's word, whose weights answer, and the text of the whole prompt. */
export interface Asked {
  readonly word: string;
  readonly as: Role;
  /** Updates of the policy so far. */
  readonly updates: number;
  readonly prompt: string;
  readonly request: GenerateRequest;
}

/** Everything has a default: tasks that a policy solves by echoing their word. */
export interface WorldOptions {
  readonly train?: number;
  readonly heldOut?: number;
  readonly seed?: number;
  readonly maxContext?: number;
  /** Steps of an episode; the last one is graded. */
  readonly turns?: number;
  /** The answer's words. A trailing `…` means that it was cut by length. */
  readonly answer?: (asked: Asked) => string;
  /** Fails the `count`-th opening or step (from 1) at a task. */
  readonly failing?: (
    at: "get" | "open" | "step",
    key: string,
    count: number,
  ) => EnvironmentError | undefined;
  /** Replaces or delays the answer of the environment. */
  readonly onStep?: (result: StepResult, key: string, count: number) => Effect.Effect<StepResult>;
  readonly reflect?: (attempt: Attempt, view: View) => Reflection;
  readonly credit?: (attempt: Attempt, view: View) => ReadonlyArray<Tag>;
  readonly curate?: (
    attempt: Attempt,
    reflection: Reflection,
    view: View,
  ) => { readonly operations: ReadonlyArray<Operation>; readonly parse: ReplyParse };
  readonly capabilities?: Partial<PolicyShape["capabilities"]>;
  readonly manifest?: Partial<Manifest>;
  readonly freeText?: { readonly reflector?: boolean; readonly format?: boolean };
  readonly gradeGroup?: (last: ReadonlyArray<StepResult>) => ReadonlyArray<number>;
  /** Runs before an update of the policy, for instance to interrupt it. */
  readonly onUpdate?: (updates: number) => Effect.Effect<void>;
  /** Runs when an update has moved the policy, before it returns. */
  readonly onUpdated?: (updates: number) => Effect.Effect<void>;
  /** Replaces what an update reports; `updates` counts it in. */
  readonly onReport?: (report: UpdateReport, updates: number) => UpdateReport;
  /** The log-prob of every token that is scored. */
  readonly logProb?: (updates: number) => number;
  readonly keyOf?: (split: string, place: number) => string;
}

/** What happened in a world, in order. */
export interface WorldNotes {
  readonly log: Array<string>;
  readonly batches: Array<ReadonlyArray<TrainSample>>;
  readonly requests: Array<GenerateRequest>;
}
