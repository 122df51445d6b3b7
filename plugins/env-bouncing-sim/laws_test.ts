import type { TaskRow } from "@resd/core";
import * as quickjs from "@resd/sandbox-quickjs";
import { environmentLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Duration } from "effect";
import { describe } from "vitest";
import * as bouncingSim from "./mod.ts";

/** The gold program with one time a little too far off, with one that it does not know, and in other units. */
const nearMisses = ({ gold }: TaskRow<unknown>) =>
  [
    (gold?.content ?? "").replace(/"1\.5": \[\[([\d.]+)/, (_, x) => `"1.5": [[${Number(x) + 300}`),
    (gold?.content ?? "").replace(/"0\.7"/, '"0.75"'),
    (gold?.content ?? "").replace(
      "return places[t.toFixed(1)]",
      "return places[(t / 2).toFixed(1)]",
    ),
  ].map((content) => ({ content, stop: "eos" as const }));

for (const level of ["easy", "medium"] as const) {
  describe(`env-bouncing-sim, ${level}`, () => {
    const options = { level, trainSize: 4, testSize: 2, seed: 1 };
    const laws = environmentLaws(bouncingSim, options, {
      nearMisses,
      samples: 2,
      stepTimeout: Duration.seconds(30),
    });
    // What runs programs is the same on both levels.
    const own = laws.filter(({ id }) => level === "easy" || !id.includes(".sandbox."));
    registerLaws(own, { layer: quickjs.layer({}), timeoutMillis: 60_000 });
  });
}
