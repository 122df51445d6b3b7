/** The process in which an environment is examined: whatever it does there, the one that watches can end it. */
import { NodeServices } from "@effect/platform-node";
import { Environment } from "@resd/core";
import { RunHost, findPlugin } from "@resd/run";
import { checkLaws, environmentLaws, recordEnvironment } from "@resd/testing";
import { Cause, Context, Duration, Effect, Layer } from "effect";
import { hostLayer } from "../host.ts";
import { loadEnvironment } from "./load.ts";
import type { Assignment, Lengths, SplitFacts, Told } from "./protocol.ts";

/** Tells the watching process, and waits until it is told: a blocked event loop says nothing any more. */
const tell = (told: Told) =>
  Effect.callback<void>((resume) => {
    process.send!(told, undefined, undefined, () => resume(Effect.void));
  });

/** What keeps the process going; reading a file under way and the scheduler's own immediates end by themselves. */
const openResources = (): ReadonlyArray<string> =>
  process.getActiveResourcesInfo().filter((kind) => !/^Immediate$|^FSReq/.test(kind));

/** Most tasks whose problems are measured. */
const MEASURED = 200;

const lengthsOf = (lengths: ReadonlyArray<number>): Lengths => {
  const sorted = lengths.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return { median: at(0.5), p95: at(0.95), most: at(1) };
};

const survey = Effect.fnUntraced(function* (
  environment: Context.Service.Shape<typeof Environment>,
) {
  const splits: Record<string, SplitFacts> = {};
  for (const [name, { license }] of Object.entries(environment.manifest.splits)) {
    const { size, get } = environment.tasks(name);
    const count = size === "infinite" ? MEASURED : Math.min(size, MEASURED);
    const rows = yield* Effect.forEach(
      Array.from({ length: count }, (_, i) => i),
      (i) => get(i),
    );
    splits[name] = {
      size,
      license,
      problemChars: lengthsOf(rows.map(({ problem }) => problem.length)),
    };
  }
  return splits;
});

const examine = Effect.fnUntraced(function* (assignment: Assignment) {
  const { use, overrides, samples, done, recordOnly } = assignment;
  const found = yield* findPlugin("env", use);
  const { importModule } = yield* RunHost;
  const before = openResources();
  // What is wrong with the module is said by what loads it once more.
  const [importTime] = yield* Effect.timed(
    Effect.ignore(Effect.tryPromise(() => importModule(found.entry))),
  );
  const environment = yield* loadEnvironment(use, overrides);
  const opened = [...openResources()];
  for (const kind of before) {
    const at = opened.indexOf(kind);
    if (at >= 0) opened.splice(at, 1);
  }
  const { plugin, options } = environment;
  if (recordOnly) {
    return yield* tell({
      _tag: "Recorded",
      lines: yield* recordEnvironment(plugin, options, { samples }),
    });
  }
  yield* tell({
    _tag: "Introduced",
    introduction: {
      package: found.package,
      version: found.version,
      entry: found.entry,
      manifest: plugin.manifest,
      importMillis: Math.round(Duration.toMillis(importTime)),
      opened,
    },
  });
  for (const law of environmentLaws(plugin, options, { samples })) {
    if (done.includes(law.id)) continue;
    yield* tell({ _tag: "Began", id: law.id, promise: law.promise });
    const [result] = yield* checkLaws([law]);
    yield* tell({ _tag: "Checked", result: result! });
  }
  // An environment that cannot even be measured has broken a law by now.
  const surveyed = Effect.flatMap(Layer.build(plugin.layer(options)), (context) =>
    survey(Context.get(context, Environment)),
  );
  const splits = yield* Effect.orElseSucceed(Effect.scoped(surveyed), () => ({}));
  yield* tell({ _tag: "Surveyed", splits });
  if (plugin.manifest.determinism === "stochastic") return;
  const lines = yield* Effect.orElseSucceed(
    recordEnvironment(plugin, options, { samples }),
    () => [],
  );
  yield* tell({ _tag: "Recorded", lines });
});

process.once("message", (assignment: Assignment) => {
  const program = examine(assignment).pipe(
    Effect.catchCause((cause) => {
      const error: unknown = Cause.squash(cause);
      const message = error instanceof Error ? error.message : Cause.pretty(cause);
      return tell({ _tag: "Failed", message });
    }),
    Effect.scoped,
    Effect.provide(Layer.merge(hostLayer, NodeServices.layer)),
  );
  // What the environment leaves open must not keep this process.
  void Effect.runPromise(program).finally(() => process.exit());
});
