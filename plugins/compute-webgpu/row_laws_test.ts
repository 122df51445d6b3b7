/**
 * What only GPUs choose keeps the laws on any adapter: attention by tiles, and rows that meet at barriers or in subgroups. A law or
 * two each, since software adapters take seconds to compile one; `npm run check -- --all --kernels gpu` goes through all.
 */
import { assert, describe, it } from "@effect/vitest";
import { computeLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect } from "effect";
import { underMutation } from "./_mutated.ts";
import { listAdapters } from "./adapters.ts";
import { layer } from "./mod.ts";
import type { Options } from "./options.ts";

const [adapter] = await Effect.runPromise(listAdapters);
const subgroups = adapter?.features.includes("subgroups") === true;
if (!subgroups) {
  process.stderr.write("SKIPPED, NOT PASSED: rows that meet in subgroups, no adapter has them\n");
}

const lawsOf = (...names: ReadonlyArray<string>) =>
  computeLaws().filter(({ id }) => names.some((name) => id === `compute.graph.${name}`));

type Settings = Pick<typeof Options.Encoded, "attention" | "rows" | "losses">;

const OF_ROWS = ["losses-top-k", "losses-tail", "top-k-many", "top-k-ties", "top-k"] as const;

const VARIANTS: ReadonlyArray<readonly [settings: Settings, laws: ReadonlyArray<string>]> = [
  [{ attention: "tiles" }, ["attention-long", "attention-masked", "attention-of-views"]],
  [{ attention: "apart" }, ["attention-long", "attention-blind"]],
  [{ losses: "apart" }, ["losses-tail"]],
  [{ rows: "lanes" }, ["softmax-gradients", "rms-norm", "reductions", "norms-of-many", ...OF_ROWS]],
  ...(subgroups
    ? [
        [
          { rows: "subgroups" },
          ["softmax-gradients", "rms-norm", "reductions", "norms-of-many", ...OF_ROWS],
        ] as const,
      ]
    : []),
];

const MUTATIONS: ReadonlyArray<
  readonly [settings: Settings, law: string, from: string, to: string]
> = [
  [{ attention: "tiles" }, "attention-long", "n += 4u", "n += 5u"],
  [{ attention: "tiles" }, "attention-long", "start += 32u", "start += 33u"],
  [{}, "attention-cached-4", "p = 0u", "p = 1u"],
  [{ rows: "lanes" }, "rms-norm", "half > 0u", "half > 1u"],
  [{ rows: "lanes" }, "losses-tail", "atomicOr(", "atomicAnd("],
  [{ rows: "lanes" }, "top-k", "key > least", "key >= least"],
  [{ rows: "lanes" }, "top-k-ties", "n < equals", "n + 1u < equals"],
  ...(subgroups
    ? ([
        [{ rows: "subgroups" }, "rms-norm", "subgroupAdd(", "1.001 * subgroupAdd("],
        [{ rows: "subgroups" }, "softmax-gradients", "n = 1u", "n = 2u"],
      ] as const)
    : []),
];

describe.skipIf(adapter === undefined)("kernels of rows and attention", () => {
  for (const [settings, names] of VARIANTS) {
    describe(`with ${JSON.stringify(settings)}`, () => {
      registerLaws(lawsOf(...names), { layer: layer(settings), timeoutMillis: 120_000 });
    });
  }
  for (const [settings, name, from, to] of MUTATIONS) {
    it.live(`of which one has ${JSON.stringify(to)} in it break ${name}`, () =>
      Effect.gen(function* () {
        const { changed, passed } = yield* underMutation(lawsOf(name), [from, to], settings);
        assert.isAbove(changed, 0, "the text is in no kernel of the law");
        assert.isFalse(passed);
      }),
    );
  }
});
