import { assert, describe, it } from "@effect/vitest";
import {
  Curator,
  type Entry,
  type Reflection,
  Similarity,
  SimilarityError,
  type View,
} from "@resd/core";
import { attemptOf, curatorLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect } from "effect";
import { layer } from "./mod.ts";

const view: View = {
  version: 1,
  updateCount: 1,
  entries: ["square is ROK", "Check the carry before you round."].map((text, i): Entry => ({
    id: `sai-0000${i + 1}`,
    section: "STRATEGIES & INSIGHTS",
    text,
    helpful: 0,
    harmful: 0,
    createdAt: 0,
    lastTaggedAt: 0,
  })),
};
const itemOf = (insight?: string) => ({
  attempt: attemptOf({ problem: "p", answer: "a" }),
  reflection: {
    text: "t",
    tags: [],
    parse: "ok",
    ...(insight === undefined ? {} : { insight }),
  } satisfies Reflection,
});
const curate = (insights: ReadonlyArray<string | undefined>) =>
  Effect.flatMap(Curator, (curator) => curator.curate(insights.map(itemOf), view, { update: 0 }));

describe("curator-rules", () => {
  registerLaws(curatorLaws(layer({})));

  it.effect("curate() proposes insights that are new, and only these", () =>
    Effect.gen(function* () {
      const { proposals, use } = yield* curate([
        "square is ROK",
        " square is PEF ",
        "Check the carry, before you round!",
        undefined,
      ]);
      assert.deepStrictEqual(
        proposals.map(({ operations, parse }) => [operations, parse]),
        [
          [[], "ok"],
          [[{ _tag: "Add", section: "OTHERS", text: "square is PEF" }], "ok"],
          [[], "ok"],
          [[], "skipped"],
        ],
      );
      assert.strictEqual(use.modelCalls, 0);
    }).pipe(Effect.provide(layer({ section: "OTHERS" }))),
  );

  it.effect("curate() fails with a CuratorError, when similarity cannot be measured", () =>
    Effect.gen(function* () {
      const fail = () => Effect.fail(new SimilarityError({ message: "no model" }));
      const error = yield* curate(["x"]).pipe(
        Effect.provide(layer({})),
        Effect.provideService(Similarity, { name: "broken", alike: fail, relevance: fail }),
        Effect.flip,
      );
      assert.strictEqual(error._tag, "CuratorError");
    }),
  );
});
