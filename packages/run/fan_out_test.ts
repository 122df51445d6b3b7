import { assert, describe, it } from "@effect/vitest";
import type { RunEvent } from "@resd/core";
import { Effect, Logger } from "effect";
import { fanOut } from "./fan_out.ts";

const warned: RunEvent = { _tag: "Warned", update: 0, code: "test", message: "a message" };

describe("fanOut", () => {
  it.effect("fanOut() tells all trackers in order, and leaves one that broke alone", () => {
    const heard: Array<string> = [];
    const logged: Array<unknown> = [];
    const tracker = fanOut([
      ["first", { event: () => Effect.sync(() => void heard.push("first")) }],
      [
        "broken",
        {
          event: () =>
            Effect.sync(() => {
              heard.push("broken");
              throw new Error("no disk");
            }),
        },
      ],
      ["last", { event: () => Effect.sync(() => void heard.push("last")) }],
    ]);
    return Effect.gen(function* () {
      yield* tracker.event(warned);
      yield* tracker.event(warned);
      assert.deepStrictEqual(heard, ["first", "broken", "last", "first", "last"]);
      assert.lengthOf(logged, 1);
      assert.match(String(logged[0]), /Tracker broken broke and is left out: .*no disk/s);
    }).pipe(
      Effect.provide(Logger.layer([Logger.make(({ message }) => void logged.push(message))])),
    );
  });
});
