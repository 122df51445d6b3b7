/** `resd eval`: measures the trained policy of a run again, with and without its playbook in context. */
import type { Evaluation } from "@resd/core";
import {
  CUSTOM,
  type Measurement,
  type Override,
  composeMeasuring,
  configError,
  loadPlugins,
  measureRun,
  readRun,
  resolveConfig,
} from "@resd/run";
import { Console, Effect, type Option } from "effect";
import { hostLayer } from "./host.ts";
import { inkFor } from "./ink.ts";
import { readFileOption } from "./read_definition.ts";

export interface EvalInput {
  readonly run: string;
  readonly file: Option.Option<string>;
  readonly json: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

const SLOTS_TO_MEASURE = ["environment", "compute", "trackers"] as const;

const row = (name: string, { perTask, perTest, bestOfK }: Evaluation): string =>
  `  ${name.padEnd(28)}${[perTask, bestOfK, perTest].map((share) => `${(100 * share).toFixed(1)} %`.padStart(10)).join("")}`;

const text = (measured: Measurement, recorded: Evaluation | undefined): string => {
  const ink = inkFor(process.stdout);
  const { bare, withPlaybook, playbookEntries, split, run } = measured;
  return [
    `${ink("bold", run)}, ${split}: ${bare.tasks} tasks, ${bare.k} samples each`,
    "",
    ink(
      "dim",
      `  ${" ".repeat(28)}${["success", `best of ${bare.k}`, "tests"].map((head) => head.padStart(10)).join("")}`,
    ),
    ...(recorded === undefined ? [] : [row("at the end of the run", recorded)]),
    row("trained, bare prompt", bare),
    withPlaybook === undefined
      ? "  the playbook is empty: nothing to show in context"
      : row(`with its playbook (${playbookEntries})`, withPlaybook),
    "",
    `Files ${measured.files.join("  ")}`,
  ].join("\n");
};

export const evaluate = Effect.fnUntraced(
  function* (input: EvalInput) {
    const recorded = yield* readRun(input.run);
    const { layers } = yield* readFileOption(input.file);
    const { config, sources } = yield* resolveConfig(
      [
        { source: `run ${input.run}`, values: { ...recorded.config } },
        { source: `run ${input.run}`, values: { model: recorded.files.model, trackers: [] } },
      ],
      input.overrides,
    );
    if (config.environment.use === CUSTOM && layers.environment === undefined) {
      const message = `Expected the file whose layers the run was made of, got none, at eval ${input.run}; the environment was code: add --file <its .ts file>`;
      return yield* configError([{ path: "environment", source: input.run, message }]);
    }
    const resolved = { config, sources };
    const plugins = yield* loadPlugins(resolved, layers, SLOTS_TO_MEASURE);
    const measured = yield* measureRun({ ...recorded, config }).pipe(
      Effect.provide(composeMeasuring({ config, plugins, layers, listeners: [] })),
    );
    yield* Console.log(
      input.json ? JSON.stringify(measured) : text(measured, recorded.summary.heldOut.after),
    );
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
