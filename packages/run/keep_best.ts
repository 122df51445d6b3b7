/** The best policy of a run on disk, in the place of the one that was the best before. */
import { Playbook, Policy, PolicyError } from "@resd/core";
import type { CurvePoint, TrainOptions } from "@resd/resd";
import { Effect, FileSystem } from "effect";
import { writeJson, writeWhole } from "./files.ts";
import { type RunFiles, bestFiles } from "./run_folder.ts";

/**
 * What `train` calls when an evaluation is the best so far: writes model, playbook and the evaluation to a folder beside
 * the old one, and puts it in its place when it is whole. A crash leaves the one or the other.
 */
export const keepBest = Effect.fnUntraced(function* (
  files: RunFiles,
): Effect.fn.Return<
  NonNullable<TrainOptions["keep"]>,
  never,
  FileSystem.FileSystem | Policy | Playbook
> {
  const fs = yield* FileSystem.FileSystem;
  const policy = yield* Policy;
  const playbook = yield* Playbook;
  const write = Effect.fnUntraced(function* (point: CurvePoint) {
    const [made, replaced] = [`${files.best}.partial`, `${files.best}.replaced`];
    const target = bestFiles(made);
    yield* fs.remove(made, { recursive: true, force: true });
    yield* fs.makeDirectory(made, { recursive: true });
    yield* policy.save(target.bestModel, "weights");
    yield* writeWhole(target.bestPlaybook, new TextDecoder().decode(yield* playbook.snapshot));
    yield* writeJson(target.bestPoint, point);
    yield* fs.remove(replaced, { recursive: true, force: true });
    if (yield* fs.exists(files.best)) yield* fs.rename(files.best, replaced);
    yield* fs.rename(made, files.best);
    yield* fs.remove(replaced, { recursive: true, force: true });
  });
  return (point) =>
    write(point).pipe(
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.catchTag("PlatformError", ({ message }) =>
        Effect.fail(
          new PolicyError({
            reason: "io",
            message: `Expected to keep the best policy, got ${message}, at ${files.best}; make room there, or leave evaluation.keepBest out`,
          }),
        ),
      ),
    );
});
