/** One place for a worker: it is started when it is needed, destroyed when it hangs, and another takes its place. */
import { Worker } from "node:worker_threads";
import { EnvironmentInfraError } from "@resd/core";
import { Effect } from "effect";
import type { Options } from "./options.ts";
import type { FromWorker, GuestCall, GuestOutcome } from "./protocol.ts";

/** One call at a time. */
export interface Seat {
  readonly run: (call: GuestCall) => Effect.Effect<GuestOutcome, EnvironmentInfraError>;
  readonly close: Effect.Effect<void>;
}

/** Megabytes: of JavaScript objects beside QuickJS's own memory, and of stack below QuickJS's own. */
const RESOURCES = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 32, stackSizeMb: 32 };

const spawn = (): Worker => {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: RESOURCES,
    name: "sandbox-quickjs",
  });
  // A call holds the event loop by its timer; an idle worker does not.
  worker.unref();
  return worker;
};

const unavailable = (detail: string) =>
  new EnvironmentInfraError({
    message: `Expected a sandbox worker that starts, got ${detail}; reinstall @resd/sandbox-quickjs, or raise startMillis on a slow machine`,
    retryable: true,
  });

/** Listens to a worker until `stop` is called. */
const listen = (
  worker: Worker,
  hear: (message: FromWorker) => void,
  die: (reason: string) => void,
): (() => void) => {
  const error = (cause: unknown) => die(cause instanceof Error ? cause.message : String(cause));
  const exit = (code: number) => die(`its end with code ${code}`);
  worker.on("message", hear).on("error", error).on("exit", exit);
  return () => void worker.off("message", hear).off("error", error).off("exit", exit);
};

/** What a dying worker says must not become an uncaught error of the process. */
const destroy = (worker: Worker): Effect.Effect<void> =>
  Effect.promise(() => worker.on("error", () => {}).terminate());

const start = (startMillis: number): Effect.Effect<Worker, EnvironmentInfraError> =>
  Effect.callback((resume) => {
    const worker = spawn();
    const end = (effect: Effect.Effect<Worker, EnvironmentInfraError>) => {
      clearTimeout(timer);
      stop();
      resume(effect);
    };
    const fail = (reason: string) =>
      end(Effect.andThen(destroy(worker), Effect.fail(unavailable(reason))));
    const timer = setTimeout(() => fail(`none after ${startMillis} ms`), startMillis);
    const stop = listen(worker, () => end(Effect.succeed(worker)), fail);
    return Effect.suspend(() => {
      clearTimeout(timer);
      stop();
      return destroy(worker);
    });
  });

/** Makes an empty seat. */
export const makeSeat = ({ graceMillis, startMillis }: Options): Seat => {
  let seated: Worker | undefined;

  const vacate = Effect.suspend(() => {
    const worker = seated;
    seated = undefined;
    return worker === undefined ? Effect.void : destroy(worker);
  });

  const ask = (worker: Worker, call: GuestCall): Effect.Effect<GuestOutcome> =>
    Effect.callback((resume) => {
      const end = (outcome: GuestOutcome, keep: boolean) => {
        clearTimeout(timer);
        stop();
        resume(keep ? Effect.succeed(outcome) : Effect.as(vacate, outcome));
      };
      const limit = call.limits.millis;
      const timer = setTimeout(() => {
        const message = `not done after ${limit} ms`;
        end({ ending: { _tag: "timeout", message }, printed: "" }, false);
      }, limit + graceMillis);
      const stop = listen(
        worker,
        (message) => {
          if (message._tag === "done") end(message.outcome, !message.damaged);
        },
        (reason) => {
          const message = `the engine gave up: ${reason}`;
          end({ ending: { _tag: "memory", message }, printed: "" }, false);
        },
      );
      worker.postMessage(call);
      return Effect.suspend(() => {
        clearTimeout(timer);
        stop();
        return vacate;
      });
    });

  return {
    run: Effect.fnUntraced(function* (call) {
      seated ??= yield* start(startMillis);
      return yield* ask(seated, call);
    }),
    close: vacate,
  };
};
