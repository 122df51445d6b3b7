/** Queries that a policy wrote, each in a process that can be killed: a few processes, started when they are needed. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EnvironmentInfraError } from "@resd/core";
import { Effect, type Scope, Semaphore } from "effect";
import type { QueryResult } from "./open.ts";
import type { Ask, Filling, FromProcess } from "./protocol.ts";

export interface QuerySettings {
  readonly filling: Filling;
  /** Queries at the same time. */
  readonly processes: number;
  /** Milliseconds that a query may take; then its process is killed, and the next query gets another one. */
  readonly queryMillis: number;
}

export type Query = (ask: Ask) => Effect.Effect<QueryResult, EnvironmentInfraError>;

const START_MILLIS = 60_000;

const spawn = (): ChildProcess => {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const file = fileURLToPath(new URL(`./process.${extension}`, import.meta.url));
  const child = fork(file, {
    env: {},
    // It reads its own code and nothing else of the machine can be written or started from it.
    execArgv: ["--permission", "--allow-fs-read=*", "--allow-worker", "--no-warnings"],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  // A query holds the event loop by its timer; an idle process does not.
  child.unref();
  child.channel?.unref();
  return child;
};

const kill = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void);
    child.once("exit", () => resume(Effect.void)).ref();
    child.kill("SIGKILL");
  });

/** Listens to a process until the returned function is called. */
const listen = (
  child: ChildProcess,
  hear: (message: FromProcess) => void,
  die: (reason: string) => void,
): (() => void) => {
  const error = (cause: Error) => die(cause.message);
  const exit = (code: number | null, signal: string | null) =>
    die(`its end with ${code === null ? signal : `code ${code}`}`);
  const message = (said: unknown) => hear(said as FromProcess);
  child.on("message", message).on("error", error).on("exit", exit);
  return () => void child.off("message", message).off("error", error).off("exit", exit);
};

const unavailable = (detail: string) =>
  new EnvironmentInfraError({
    message: `Expected a process for queries, got ${detail}; look for limits on processes and memory of this machine`,
    retryable: true,
  });

const start = (filling: Filling): Effect.Effect<ChildProcess, EnvironmentInfraError> =>
  Effect.callback((resume) => {
    const child = spawn();
    const end = (effect: Effect.Effect<ChildProcess, EnvironmentInfraError>) => {
      clearTimeout(timer);
      stop();
      resume(effect);
    };
    const fail = (reason: string) =>
      end(Effect.andThen(kill(child), Effect.fail(unavailable(reason))));
    const timer = setTimeout(() => fail(`none after ${START_MILLIS} ms`), START_MILLIS);
    const stop = listen(
      child,
      ({ _tag }) => {
        if (_tag === "ready") child.send(filling);
        else end(Effect.succeed(child));
      },
      fail,
    );
    return Effect.suspend(() => {
      clearTimeout(timer);
      stop();
      return kill(child);
    });
  });

/** One query at a time in one process, which is replaced when it had to be killed or died. */
const makeSeat = ({ filling, queryMillis }: QuerySettings) => {
  let seated: ChildProcess | undefined;
  const vacate = Effect.suspend(() => {
    const child = seated;
    seated = undefined;
    return child === undefined ? Effect.void : kill(child);
  });
  const ask = (child: ChildProcess, question: Ask): Effect.Effect<QueryResult> =>
    Effect.callback((resume) => {
      const end = (result: QueryResult, keep: boolean) => {
        clearTimeout(timer);
        stop();
        resume(keep ? Effect.succeed(result) : Effect.as(vacate, result));
      };
      const fail = (message: string) => end({ _tag: "error", message }, false);
      const timer = setTimeout(
        () => fail(`interrupted: the query was not done after ${queryMillis} ms`),
        queryMillis,
      );
      const stop = listen(
        child,
        (message) => {
          if (message._tag === "result") end(message.result, true);
        },
        () => fail("interrupted: the query needed more memory than there is"),
      );
      child.send(question, (error) => {
        if (error !== null) fail("interrupted: the query could not be sent");
      });
      return Effect.suspend(() => {
        clearTimeout(timer);
        stop();
        return vacate;
      });
    });
  return {
    query: Effect.fnUntraced(function* (question: Ask) {
      seated ??= yield* start(filling);
      return yield* ask(seated, question);
    }),
    close: vacate,
  };
};

/** Makes the seats, which end with the scope. */
export const makeQueries = Effect.fnUntraced(function* (
  settings: QuerySettings,
): Effect.fn.Return<Query, never, Scope.Scope> {
  const seats = yield* Effect.acquireRelease(
    Effect.sync(() => Array.from({ length: settings.processes }, () => makeSeat(settings))),
    (all) => Effect.forEach(all, (seat) => seat.close, { concurrency: "unbounded" }),
  );
  const permits = yield* Semaphore.make(seats.length);
  const free = [...seats];
  const taken = Effect.acquireRelease(
    Effect.sync(() => free.pop()!),
    (seat) => Effect.sync(() => void free.push(seat)),
  );
  return (question) =>
    Effect.flatMap(taken, (seat) => seat.query(question)).pipe(
      Effect.scoped,
      permits.withPermits(1),
    );
});
