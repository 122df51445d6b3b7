import { assert, describe, it } from "@effect/vitest";
import { Format, Policy } from "@resd/core";
import { compactFormat } from "@resd/resd";
import { makeScriptedPolicy } from "@resd/testing";
import { Effect } from "effect";
import { askUntrained } from "./measure_run.ts";
import type { RunConfig } from "./run_config.ts";

const ask = (weights?: string) => {
  const policy = makeScriptedPolicy({ replies: () => "yes" });
  return askUntrained(
    {
      config: { model: "models/mine" } as RunConfig,
      ...(weights === undefined ? {} : { weights }),
    },
    [{ ability: "agreeing", prompt: "yes or no?", answer: "yes" }],
  ).pipe(
    Effect.provideService(Policy, policy),
    Effect.provideService(Format, compactFormat),
    Effect.map((untrained) => ({ untrained, asked: policy.requests().length })),
  );
};

describe("askUntrained", () => {
  it.effect("askUntrained() asks the weights that a run started from", () =>
    Effect.gen(function* () {
      const policy = makeScriptedPolicy({ replies: () => "" });
      const { untrained } = yield* ask(yield* policy.version("student"));
      assert("results" in untrained);
      assert.deepInclude(untrained.results[0], { ability: "agreeing", correct: true });
      assert.deepStrictEqual((yield* ask()).untrained, untrained); // a run that did not note them
    }),
  );

  it.effect("askUntrained() compares nothing with other weights, and says whose they are", () =>
    Effect.gen(function* () {
      const { untrained, asked } = yield* ask("others");
      assert("missing" in untrained);
      assert.match(untrained.missing, /the weights in models\/mine are not those .* then others/);
      assert.strictEqual(asked, 0);
    }),
  );
});
