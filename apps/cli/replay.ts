/** `resd replay`: makes one recorded attempt of a run again, to see whether its task is solved now. */
import {
  type Override,
  ReplayError,
  type ReplayedPrompt,
  type WeightsChoice,
  chooseWeights,
  composeMeasuring,
  readEpisode,
  replayEpisode,
} from "@resd/run";
import { Console, Effect, Option } from "effect";
import { hostLayer } from "./host.ts";
import { inkFor } from "./ink.ts";
import { recordedParts } from "./recorded_parts.ts";
import { replayText } from "./replay_report.ts";
import { terminalWidth } from "./wrapped.ts";

export interface ReplayInput {
  readonly run: string;
  /** Id of an attempt, or the beginning of one. */
  readonly episode: string;
  readonly weights: WeightsChoice;
  readonly prompt: ReplayedPrompt;
  /** How many attempts; 4, or 1 where all would be the same. */
  readonly samples: Option.Option<number>;
  readonly greedy: boolean;
  readonly seed: Option.Option<number>;
  readonly file: Option.Option<string>;
  readonly json: boolean;
  readonly overrides: ReadonlyArray<Override>;
}

const SAMPLES = 4;

export const replay = Effect.fnUntraced(
  function* (input: ReplayInput) {
    const { greedy, run } = input;
    if (greedy && (Option.isSome(input.seed) || Option.getOrElse(input.samples, () => 1) > 1)) {
      return yield* new ReplayError({
        message: `Expected one attempt without draws, got --greedy with --seed or more --samples, at replay ${run}; all would be the same: leave one of them out`,
      });
    }
    const episode = yield* readEpisode(run, input.episode);
    const chosen = yield* chooseWeights(run, input.weights);
    const parts = yield* recordedParts(run, chosen.config, {
      verb: "replay",
      values: chosen.values,
      file: input.file,
      overrides: input.overrides,
    });
    const replayed = yield* replayEpisode(chosen, episode, parts.config, {
      prompt: input.prompt,
      samples: Option.getOrElse(input.samples, () => (greedy ? 1 : SAMPLES)),
      greedy,
      ...(Option.isSome(input.seed) ? { seed: input.seed.value } : {}),
    }).pipe(Effect.provide(composeMeasuring(parts)));
    yield* Console.log(
      input.json
        ? JSON.stringify(replayed)
        : replayText(replayed, {
            columns: terminalWidth(process.stdout),
            ink: inkFor(process.stdout),
          }),
    );
  },
  Effect.scoped,
  Effect.provide(hostLayer),
);
