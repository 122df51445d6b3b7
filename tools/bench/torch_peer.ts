/** The PyTorch peer: a child process that answers one JSON line with another. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Config, Console, Effect, type Scope } from "effect";
import { BenchError } from "./bench_error.ts";

export interface Peer {
  /** `PyTorch 2.13.0 eager`. */
  readonly name: string;
  /** Sends a command and gives its answer. One at a time. */
  readonly request: <Answer>(
    command: string,
    message: Readonly<Record<string, unknown>>,
  ) => Effect.Effect<Answer, BenchError>;
}

const SCRIPT = fileURLToPath(new URL("./peer_torch.py", import.meta.url));

/** Answers in order, or the reason why none will come. */
const converse = (python: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(python, [SCRIPT], { stdio: ["pipe", "pipe", "pipe"] });
      const waiting: Array<(line: string | undefined) => void> = [];
      let said = "";
      let ended = false;
      const end = (): void => {
        ended = true;
        for (const answer of waiting.splice(0)) answer(undefined);
      };
      child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
      child.stdin.on("error", end);
      child.on("error", (cause) => {
        said = cause.message;
        end();
      });
      child.on("close", end);
      createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(line));
      const ask = (line: string): Promise<string | undefined> =>
        new Promise((resolve) => {
          if (ended) return resolve(undefined);
          waiting.push(resolve);
          child.stdin.write(`${line}\n`);
        });
      return { child, ask, said: () => said.trim().split("\n").at(-1) ?? "" };
    }),
    ({ child }) => Effect.sync(() => child.kill()),
  );

/**
 * Starts the peer with the Python of RESD_BENCH_PYTHON, or python3. Undefined where that Python is missing or has no
 * torch; standard error then says how to get it.
 */
export const openPeer: Effect.Effect<Peer | undefined, never, Scope.Scope> = Effect.gen(
  function* () {
    const python = yield* Config.String("RESD_BENCH_PYTHON").pipe(
      Config.withDefault("python3"),
      Effect.orDie,
    );
    const { ask, said } = yield* converse(python);
    const request: Peer["request"] = <Answer>(
      command: string,
      message: Readonly<Record<string, unknown>>,
    ) =>
      Effect.flatMap(
        Effect.promise(() => ask(JSON.stringify({ command, ...message }))),
        (line) => {
          const answer = line === undefined ? { error: said() } : JSON.parse(line);
          return answer.error === undefined
            ? Effect.succeed(answer as Answer)
            : Effect.fail(
                new BenchError({
                  message: `Expected the PyTorch peer to answer ${command}, got ${answer.error}`,
                }),
              );
        },
      );
    return yield* request<{ readonly torch: string }>("hello", {}).pipe(
      Effect.map(({ torch }) => ({ name: `PyTorch ${torch} eager`, request })),
      Effect.catch(({ message }) =>
        Effect.as(
          Console.error(
            `no PyTorch peer (${message}); set RESD_BENCH_PYTHON to a Python that has it, made with: python3 -m venv peer && peer/bin/pip install torch`,
          ),
          undefined,
        ),
      ),
    );
  },
);
