/** Runs the cell that the parent process names, and tells it how far it is. Ends when the parent does. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime";
import * as NodeServices from "@effect/platform-node/NodeServices";
import { type RunEvent, Tracker } from "@resd/core";
import { RunHost, prepareRun, readConfigFile, resolveConfig } from "@resd/run";
import { Effect, Layer } from "effect";
import type { CellJob, CellMessage, CellProgress } from "./cell_messages.ts";
import { failureText } from "./failure.ts";
import { hostLayer } from "./host.ts";

const say = (message: CellMessage): void => {
  if (process.connected) process.send?.(message);
};

const progressTracker = Layer.sync(Tracker, () => {
  let progress: CellProgress = { updates: 0, planned: 0, interactions: 0 };
  const follow = (event: RunEvent): CellProgress | undefined => {
    if (event._tag === "Started") return { ...progress, planned: event.updates };
    if (event._tag === "Evaluated") return { ...progress, success: event.student.perTask };
    return event._tag === "Updated"
      ? {
          ...progress,
          updates: event.update + 1,
          interactions: Number(event.metrics["interactions"]),
        }
      : undefined;
  };
  return {
    event: (event) =>
      Effect.sync(() => {
        const next = follow(event);
        if (next === undefined) return;
        progress = next;
        say({ _tag: "Progress", ...progress });
      }),
  };
});

const conduct = Effect.fnUntraced(
  function* ({ parts, file, folder }: CellJob) {
    const { importModule } = yield* RunHost;
    const layers = file === undefined ? {} : (yield* readConfigFile(file, importModule)).layers;
    const resolved = yield* resolveConfig([
      ...parts,
      { source: "cell", values: { runDir: folder } },
    ]);
    const run = yield* prepareRun(resolved, { ...layers, tracker: progressTracker });
    yield* run.conduct;
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);

/** Nothing is left to say, or to hear. */
const hangUp = Effect.sync(() => {
  process.removeAllListeners("disconnect");
  if (process.connected) process.disconnect?.();
});

// When the parent is gone there is nobody to run for: that ends the run as a signal would.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));

process.once("message", (job) => {
  conduct(job as CellJob).pipe(
    Effect.tapCause((cause) =>
      Effect.sync(() => {
        const message = failureText(cause);
        if (message !== undefined) say({ _tag: "Failed", message });
      }),
    ),
    Effect.ensuring(hangUp),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({ disableErrorReporting: true }),
  );
});
