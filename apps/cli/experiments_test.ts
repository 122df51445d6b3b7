/** The experiments that come along: every run of them can be resolved. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { assert, describe, it } from "@effect/vitest";
import { planMatrix, readMatrix } from "@resd/compare";
import { Effect } from "effect";
import { runServices } from "./_scripted_run.ts";
import { ROOT } from "./application.ts";

const folder = join(ROOT, "experiments");

/** Fingerprints are of no account to a plan that is not run. */
const planning = { below: [], cells: "runs/cells", fingerprint: () => Effect.succeed("") };

describe("experiments", { timeout: 120_000 }, () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".json"))) {
    it.live(`${name} resolves, is tuned alike, and measures everything alike`, () =>
      Effect.gen(function* () {
        const matrix = yield* readMatrix(join(folder, name));
        const { cells, sweeps } = yield* planMatrix(matrix, planning);
        const settings = new Set(sweeps.map(({ sweep }) => sweep.settings.length));
        assert.isAtMost(settings.size, 1);
        const measured = cells.map(({ role, resolved: { config } }) =>
          JSON.stringify([
            config.resd.evaluation,
            config.resd.sampling.evaluate,
            config.compute,
            config.model,
            role._tag === "Tuning" ? config.resd.stop : undefined,
          ]),
        );
        for (const role of ["Tuning", "Result"]) {
          const alike = new Set(measured.filter((_, i) => cells[i]!.role._tag === role));
          assert.isAtMost(alike.size, 1, [...alike].join("\n"));
        }
        assert.isAtLeast(matrix.seeds.length, 5);
        assert.isTrue(matrix.seeds.every((seed) => seed < 100));
      }).pipe(Effect.provide(runServices)),
    );
  }
});
