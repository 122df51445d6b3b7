import { type Cause, Playbook } from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Stream } from "effect";
import { layer } from "./mod.ts";

const cause: Cause = { update: 0, by: "curator" };
const add = (text: string) => [{ _tag: "Add" as const, section: "OTHERS", text }];

describe("playbook-sample-plugin", () => {
  it.effect("restore() brings back entries, and the history up to them", () =>
    Effect.gen(function* () {
      const playbook = yield* Playbook;
      const first = yield* playbook.apply("global", add("square is ROK"), cause);
      const snapshot = yield* playbook.snapshot;
      yield* playbook.apply("global", add("halve is NUV"), cause);
      yield* playbook.apply("other", add("double is PEF"), cause);
      yield* playbook.restore(snapshot);
      assert.deepStrictEqual(yield* playbook.view("global"), first);
      assert.deepStrictEqual(yield* playbook.keys, ["global"]);
      const history = yield* Stream.runCollect(playbook.history("global"));
      assert.deepStrictEqual(
        history.map(({ change }) => change._tag),
        ["Added"],
      );
    }).pipe(Effect.provide(layer({}))),
  );
});
