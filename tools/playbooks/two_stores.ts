/** The reference run with one store and with the other: what a run learns does not depend on where its playbook lies. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Effect } from "effect";
import { DifferentRunsError, sameRuns } from "./same_runs.ts";

const COMMAND = join(import.meta.dirname, "../../apps/cli/main.ts");

/** Trains in a process of its own, whose progress is shown. */
const train = (args: ReadonlyArray<string>) =>
  Effect.callback<void, DifferentRunsError>((resume) => {
    const child = spawn(process.execPath, [COMMAND, "train", ...args], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    child.on("close", (code) =>
      resume(
        code === 0
          ? Effect.void
          : Effect.fail(
              new DifferentRunsError({
                message: `Expected train ${args.join(" ")} to end well, got status ${code}`,
              }),
            ),
      ),
    );
    return Effect.sync(() => void child.kill());
  });

/**
 * Trains twice into a folder, with `playbook-memory` and with `playbook-sqlite` on a file, and compares what was written.
 *
 * @param values of the configuration, such as `--resd.updates=4`.
 */
export const trainWithBoth = Effect.fnUntraced(function* (
  folder: string,
  seed: number,
  values: ReadonlyArray<string>,
) {
  const [inMemory, inFile] = [join(folder, "memory"), join(folder, "sqlite")];
  const both = [`--seed=${seed}`, ...values];
  yield* train([...both, `--run-dir=${inMemory}`, "--playbook.use=memory"]);
  yield* train([
    ...both,
    `--run-dir=${inFile}`,
    "--playbook.use=sqlite",
    `--playbook.options.file=${join(folder, "playbook.sqlite")}`,
  ]);
  return yield* sameRuns(inMemory, inFile);
});
