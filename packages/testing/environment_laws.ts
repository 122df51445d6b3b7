/** What every environment promises, whatever it asks. */
import type { EnvironmentPlugin } from "@resd/core";
import type { Schema, Scope } from "effect";
import { type EnvironmentLawSettings, makeBench } from "./environment/bench.ts";
import { episodeLaws } from "./environment/episode_laws.ts";
import { feedbackLaws } from "./environment/feedback_laws.ts";
import { manifestLaws } from "./environment/manifest_laws.ts";
import { optionalLaws } from "./environment/optional_laws.ts";
import { recordPlays, replayLaws } from "./environment/replay_laws.ts";
import { attackLaws } from "./environment/attack_laws.ts";
import { scoreLaws } from "./environment/score_laws.ts";
import { taskLaws } from "./environment/task_laws.ts";
import { toolLaws } from "./environment/tool_laws.ts";
import type { Law } from "./law.ts";

export type { EnvironmentLawSettings } from "./environment/bench.ts";

/**
 * The laws of the environment seam for a plugin under the given options. Each law builds its own instance and closes it,
 * so laws can run alone and in any order. Laws that the manifest makes meaningless (gold actions, determinism, tools, code
 * of a policy) are left out.
 *
 * @example
 * ```ts
 * const report = yield* checkLaws(environmentLaws(kestrel, { trainSize: 32 }));
 * describe("my-env", () => registerLaws(environmentLaws(myEnv)));
 * ```
 */
export const environmentLaws = <Options extends Schema.Top, R>(
  plugin: EnvironmentPlugin<Options, R>,
  options: Options["Encoded"] = {},
  settings: EnvironmentLawSettings = {},
): ReadonlyArray<Law<Exclude<R, Scope.Scope>>> => {
  const bench = makeBench(plugin, options, settings);
  return [
    ...manifestLaws(bench),
    ...taskLaws(bench),
    ...scoreLaws(bench),
    ...feedbackLaws(bench),
    ...episodeLaws(bench),
    ...(bench.manifest.determinism === "stochastic" ? [] : replayLaws(bench)),
    ...optionalLaws(bench),
    ...(bench.manifest.turns === "multi" ? toolLaws(bench) : []),
    ...(bench.manifest.needs.includes("sandbox:js") ? attackLaws(bench) : []),
  ];
};

/**
 * What sampled tasks are, and what playing them comes to, as lines of text. A plugin that is not stochastic gives the same
 * lines in every process: a law that takes two of them.
 */
export const recordEnvironment = <Options extends Schema.Top, R>(
  plugin: EnvironmentPlugin<Options, R>,
  options: Options["Encoded"] = {},
  settings: EnvironmentLawSettings = {},
) => recordPlays(makeBench(plugin, options, settings));
