/** The command line in a process of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "@resd/cli/host";
import { Effect } from "effect";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `resd …`. Whatever happens, the process is gone when the scope closes. */
export const startCommand = (args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [join(ROOT, "apps/cli/main.ts"), ...args], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      const said = { stdout: "", stderr: "" };
      child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
      child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
      const ended = new Promise<Ended>((resolve) => {
        child.on("close", (code) => resolve({ code, ...said }));
      });
      return {
        /** What Ctrl-C does. */
        interrupt: Effect.sync(() => child.kill("SIGINT")),
        ended: Effect.promise(() => ended),
        kill: () => child.kill("SIGKILL"),
      };
    }),
    ({ kill }) => Effect.sync(kill),
  );

/** Dotted values as a command line writes them. */
export const asArguments = (flags: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(flags).map(([path, text]) => `--${path}=${text}`);
