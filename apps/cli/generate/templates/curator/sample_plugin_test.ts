import { Curator, type Reflection, emptyView } from "@resd/core";
import { attemptOf } from "@resd/testing";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { layer } from "./mod.ts";

const attempt = attemptOf({ problem: "sum", answer: "add 1" });
const learned = (insight?: string): { attempt: typeof attempt; reflection: Reflection } => ({
  attempt,
  reflection: { text: "a story", tags: [], parse: "ok", ...(insight !== undefined && { insight }) },
});
const known = {
  id: "misc-00001",
  section: "OTHERS",
  text: "known",
  helpful: 0,
  harmful: 0,
  createdAt: 0,
  lastTaggedAt: 0,
};

describe("curator-sample-plugin", () => {
  it.effect("curate() proposes each new insight once, in the section of its options", () =>
    Effect.gen(function* () {
      const curator = yield* Curator;
      const items = [learned("new"), learned("new"), learned("known"), learned()];
      const view = { ...emptyView, entries: [known] };
      const { proposals } = yield* curator.curate(items, view, { update: 0 });
      assert.deepStrictEqual(
        proposals.map((proposal) => proposal.operations),
        [[{ _tag: "Add", section: "NOTES", text: "new" }], [], [], []],
      );
    }).pipe(Effect.provide(layer({ section: "NOTES" }))),
  );
});
