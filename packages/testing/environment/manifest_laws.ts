/** Laws of what an environment says about itself before it runs. */
import { Manifest } from "@resd/core";
import { Effect, Schema } from "effect";
import { demand, type Law, law } from "../law.ts";
import type { Bench } from "./bench.ts";

const EXCESS = "an option that no environment has";

export const manifestLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> => {
  const { manifest } = bench;
  return [
    law(
      "environment.manifest.valid",
      "the manifest is JSON that fits its schema, with a reward range and a bound on feedback",
      Effect.gen(function* () {
        const json: unknown = JSON.parse(JSON.stringify(manifest));
        yield* Schema.decodeUnknownEffect(Manifest, { errors: "all", onExcessProperty: "error" })(
          json,
        );
        const { reward, feedback, splits } = manifest;
        yield* demand(
          reward.min < reward.max,
          "reward.min < reward.max",
          reward,
          "state the range of a whole episode; higher is better",
        );
        yield* demand(
          feedback.maxChars > 0,
          "feedback.maxChars > 0",
          feedback.maxChars,
          "state how long rendered feedback can get",
        );
        yield* demand(
          Object.keys(splits).length > 0,
          "at least one split",
          splits,
          "name the splits that `tasks` knows",
        );
      }),
    ),
    law(
      "environment.manifest.licences",
      "every split names its licence",
      Effect.forEach(Object.entries(manifest.splits), ([name, split]) =>
        demand(
          split.license.trim() !== "",
          "an SPDX licence name",
          split.license,
          `add it to splits.${name}.license`,
        ),
      ),
    ),
    law(
      "environment.options.excess",
      "an option that the environment does not know is refused, with its name",
      Effect.scoped(
        Effect.gen(function* () {
          const given = bench.options;
          const options = { ...(typeof given === "object" ? given : {}), [EXCESS]: 1 };
          const outcome = yield* Effect.result(bench.buildWith(options));
          const error = outcome._tag === "Failure" ? outcome.failure : undefined;
          yield* demand(
            error?._tag === "PluginOptionsError" && error.message.includes(EXCESS),
            `a PluginOptionsError that names "${EXCESS}"`,
            error ?? "a working environment",
            "make the environment with defineEnvironment and a Schema.Struct of options",
          );
        }),
      ),
    ),
  ];
};
