/** Whole runs in this process: the real plugins around a policy that follows a script. */
import { NodeServices } from "@effect/platform-node";
import { Curator, Policy, type PolicyShape, noModelUse } from "@resd/core";
import {
  type Override,
  type RunDefinition,
  defineRun,
  partsOf,
  prepareRun,
  resolveConfig,
} from "@resd/run";
import { makeScriptedPolicy } from "@resd/testing";
import { Effect, FileSystem, Layer } from "effect";
import { hostLayer } from "./host.ts";

/** Always blames and uses the same mnemonic. */
const replies = ({ prompt }: { readonly prompt: string }): string =>
  prompt.endsWith("<ref>")
    ? "10: square PEF 4 8 did double bad insight double is PEF"
    : "10: square PEF";

/** Believes every lesson, once. */
const curator = Layer.succeed(Curator, {
  curate: (items, view) =>
    Effect.succeed({
      proposals: items.map(({ reflection: { insight: text = "" } }) => ({
        operations:
          text === "" || view.entries.some((entry) => entry.text === text)
            ? []
            : [{ _tag: "Add", section: "OTHERS", text } as const],
        parse: "ok" as const,
        text,
      })),
      use: noModelUse,
    }),
});

export const scriptedPolicy = (parts: Partial<PolicyShape> = {}) =>
  Layer.succeed(Policy, { ...makeScriptedPolicy({ replies }), ...parts });

export const policyThatSays = (reply: string) =>
  Layer.succeed(Policy, makeScriptedPolicy({ replies: () => reply }));

/** A short run without a console. */
export const scriptedRun = (policy: Layer.Layer<Policy>, resd: object = {}): RunDefinition =>
  defineRun({
    preset: "kestrel",
    config: {
      trackers: [],
      resd: {
        updates: 6,
        batchSize: 4,
        evaluation: { every: 3, tasks: 4, samples: 2 },
        ...resd,
      },
    },
    layers: { policy, curator },
  });

/** Prepares a run in a fresh folder; `conduct` is left to the test. */
export const prepareIn = Effect.fnUntraced(function* (
  definition: RunDefinition,
  overrides: ReadonlyArray<Override> = [],
) {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped();
  const resolved = yield* resolveConfig(partsOf(definition, "code"), [
    { path: "runDir", text: `${folder}/run` },
    ...overrides,
  ]);
  return yield* prepareRun(resolved, definition.layers);
});

export const runServices = Layer.mergeAll(NodeServices.layer, hostLayer);

/** Everything in a run's folder by name, as text. */
export const readAll = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const files: Record<string, string> = {};
  for (const name of yield* fs.readDirectory(folder, { recursive: true })) {
    const info = yield* fs.stat(`${folder}/${name}`);
    if (info.type === "File") files[name] = yield* fs.readFileString(`${folder}/${name}`);
  }
  return files;
});

/** Rows of metrics.jsonl without the keys that hold times. */
export const timelessRows = (metrics: string): ReadonlyArray<Record<string, unknown>> =>
  metrics
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      Object.fromEntries(
        Object.entries(JSON.parse(line) as object).filter(([key]) => !key.startsWith("time/")),
      ),
    );
