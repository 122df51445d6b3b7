/** Whether an environment is one, and one that the model can read. */
import { CUSTOM, type ResolvedConfig, type RunConfig, configError, findPlugin } from "@resd/run";
import { Effect } from "effect";

/** Refuses the name of an environment that does not exist. A misspelt name is a misspelt name first. */
export const nameEnvironment = Effect.fnUntraced(function* ({ environment }: RunConfig) {
  if (environment.use !== CUSTOM) yield* findPlugin("env", environment.use);
});

/** Environments that the model which comes along can read. */
const READ_BY_SHIPPED_MODEL = ["kestrel", "@resd/env-kestrel", CUSTOM];

/** Refuses tasks that the model which comes along has no words for: it would answer, and learn nothing. */
export const demandReader = Effect.fnUntraced(function* ({ config, sources }: ResolvedConfig) {
  yield* nameEnvironment(config);
  const { use } = config.environment;
  if (sources["model"] !== "defaults" || READ_BY_SHIPPED_MODEL.includes(use)) return;
  const source = sources["environment.use"] ?? "defaults";
  const message = `Expected a model that reads the tasks of ${use}, got the one that comes along, which reads kestrel and nothing else, at ${source}; give the folder of a chat model: --model <folder> --preset paper/base`;
  return yield* configError([{ path: "model", source, message }]);
});
