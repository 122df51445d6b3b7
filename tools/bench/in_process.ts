/** One measurement in a process of its own, so that its memory is its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Effect } from "effect";
import { BenchError } from "./bench_error.ts";
import type { Measurement } from "./measurement.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

/** What a suite prints as JSON of the measurement of that name, with more flags. */
export const inProcess = (suite: string, name: string, flags: ReadonlyArray<string>) =>
  Effect.callback<ReadonlyArray<Measurement>, BenchError>((resume) => {
    const child = execFile(
      process.execPath,
      [MAIN, suite, "--json", ...flags, "--only", name],
      (error, printed, said) =>
        resume(
          error === null
            ? Effect.succeed(JSON.parse(printed) as ReadonlyArray<Measurement>)
            : Effect.fail(
                new BenchError({
                  message: `Expected a measurement of ${name}, got none: ${said.trim().split("\n").at(-1) ?? error.message}`,
                }),
              ),
        ),
    );
    child.stderr?.pipe(process.stderr);
    return Effect.sync(() => child.kill());
  });
