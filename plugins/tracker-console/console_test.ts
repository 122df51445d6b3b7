import { assert, describe, it } from "@effect/vitest";
import type { RunEvent } from "@resd/core";
import { Effect } from "effect";
import { TestClock } from "effect/testing";
import { type Screen, consoleTracker } from "./console.ts";

const makeScreen = (parts: Partial<Screen> = {}) => {
  const written: Array<string> = [];
  const clock = { millis: 0 };
  const screen: Screen = {
    isTTY: false,
    columns: () => 80,
    write: (text) => void written.push(text),
    now: () => clock.millis,
    noColor: false,
    ...parts,
  };
  return { screen, clock, written };
};

const started: RunEvent = { _tag: "Started", name: "test", seed: 1, updates: 4, facts: {} };
const updated = (update: number): RunEvent => ({
  _tag: "Updated",
  update,
  report: {
    loss: 1,
    gradNorm: 1,
    teacherDrift: 0,
    paramDeltaNorm: 0,
    logProbGap: 0,
    policyVersion: "v",
    samples: [],
  },
  metrics: { loss: 1 },
});
const warned: RunEvent = { _tag: "Warned", update: 0, code: "overlong", message: "too long" };
const ended: RunEvent = { _tag: "Ended", outcome: "interrupted", summary: {} };

describe("tracker-console", () => {
  it.effect("event() writes lines where there is no terminal, updates no closer than asked", () =>
    Effect.gen(function* () {
      const { screen, clock, written } = makeScreen();
      const { event } = yield* consoleTracker({ everySeconds: 5 }, screen);
      yield* event(started);
      for (const [update, millis] of [1000, 2000, 6000, 7000].entries()) {
        clock.millis = millis;
        yield* event(updated(update));
      }
      yield* event(warned);
      yield* event(ended);
      assert.deepStrictEqual(written, [
        "RESD test · seed 1\n",
        "update 3/4 · loss 1.00\n",
        "warning (overlong, update 1): too long\n",
        "run interrupted\n",
      ]);
    }),
  );

  it.effect("event() redraws one block on a terminal, keeps warnings above it, and cleans up", () =>
    Effect.gen(function* () {
      const { screen, written } = makeScreen({ isTTY: true, noColor: true });
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { event } = yield* consoleTracker({}, screen);
          yield* event(started);
          yield* TestClock.adjust("250 millis");
          yield* event(warned);
        }),
      );
      const text = written.join("");
      assert.match(text, /RESD test · seed 1\nupdate 0\/4/);
      // oxlint-disable-next-line no-control-regex
      assert.match(text, /\u001b\[3A\u001b\[0Jwarning \(overlong, update 1\): too long\nRESD test/);
      assert.strictEqual(written.at(-1), "\u001b[3A\u001b[0J");
    }),
  );

  it.effect("consoleTracker() colours terminals only, and none when NO_COLOR is set", () =>
    Effect.gen(function* () {
      const colours = (parts: Partial<Screen>, color: "auto" | "always" | "never" = "auto") =>
        Effect.gen(function* () {
          const { screen, written } = makeScreen(parts);
          const { event } = yield* consoleTracker({ mode: "plain", color }, screen);
          yield* event(started);
          return written.join("").includes("\u001b[1m");
        }).pipe(Effect.scoped);
      assert.isTrue(yield* colours({ isTTY: true }));
      assert.isFalse(yield* colours({ isTTY: true, noColor: true }));
      assert.isFalse(yield* colours({ isTTY: false }));
      assert.isTrue(yield* colours({ isTTY: false }, "always"));
      assert.isFalse(yield* colours({ isTTY: true }, "never"));
    }),
  );

  it.effect("consoleTracker() refuses options that it does not know", () =>
    Effect.gen(function* () {
      const { screen } = makeScreen();
      const error = yield* Effect.flip(consoleTracker({ mode: "loud" } as never, screen));
      assert.strictEqual(error._tag, "PluginOptionsError");
    }),
  );
});
