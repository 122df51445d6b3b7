/** The reference run, cut short: a few updates on a few tasks. */
import { type RunLayers, run } from "@resd/run";
import { Effect } from "effect";
import { Workplace } from "./_workplace.ts";

/** Seeds below 100 are for results. */
export const SEED = 101;

/** Updates of a short run. */
export const UPDATES = 3;

/** What differs from the preset, by dotted path, as a command line would say it. */
export const SHORT: Readonly<Record<string, string>> = {
  trackers: "[]",
  "resd.batchSize": "6",
  "resd.updatesPerBatch": "2",
  "resd.updates": String(UPDATES),
  "resd.evaluation.every": "2",
  "resd.evaluation.tasks": "4",
  "resd.evaluation.samples": "2",
};

export interface ShortRun {
  /** Folder of the run, inside the workplace. */
  readonly name: string;
  readonly seed?: number;
  readonly flags?: Readonly<Record<string, string>>;
  readonly layers?: RunLayers;
}

/** The dotted values of a short run. */
export const shortFlags = Effect.fnUntraced(function* ({ name, seed = SEED, flags }: ShortRun) {
  const { folder, model } = yield* Workplace;
  return { ...SHORT, model, seed: String(seed), runDir: `${folder}/${name}`, ...flags };
});

/** Trains in this process. */
export const trainShort = Effect.fnUntraced(function* (options: ShortRun) {
  const flags = yield* shortFlags(options);
  return yield* run(
    options.layers === undefined ? {} : { layers: options.layers },
    Object.entries(flags).map(([path, text]) => ({ path, text })),
  );
});
