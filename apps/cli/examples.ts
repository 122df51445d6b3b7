/** Two attempts of a run to look at: one of its first that failed, and one of its last that did not. */
import { stepName, type RunFiles } from "@resd/run";
import { Effect, FileSystem } from "effect";

/** What an attempt's line in the rollout files says, as far as it is shown. */
export interface ShownAttempt {
  readonly update: number;
  readonly problem: string;
  readonly success: boolean;
  readonly actions: ReadonlyArray<{ readonly content: string }>;
  readonly feedback: string;
  readonly reflection?: { readonly text: string; readonly insight?: string };
}

const readStep = Effect.fnUntraced(function* (files: RunFiles, update: number) {
  const fs = yield* FileSystem.FileSystem;
  const text = yield* fs.readFileString(`${files.rollouts}/step-${stepName(update)}.jsonl`);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ShownAttempt);
});

/** A failure of the first update and a success of the last; what there is none of is absent. */
export const exampleAttempts = Effect.fnUntraced(function* (files: RunFiles, updates: number) {
  if (updates === 0) return {};
  const before = (yield* readStep(files, 1)).find(
    ({ success, reflection }) => !success && reflection?.insight !== undefined,
  );
  const after = (yield* readStep(files, updates)).find(({ success }) => success);
  return {
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
});
export type Examples = Effect.Success<ReturnType<typeof exampleAttempts>>;
