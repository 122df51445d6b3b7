import { stripVTControlCharacters } from "node:util";
import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { Command } from "effect/cli";
import { TestConsole } from "effect/testing";
import { resd } from "./commands.ts";

/** What a command line without a run prints. */
const printed = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(Command.runWith(resd([]), { version: "1.2.3" })(args));
    const lines = [...(yield* TestConsole.logLines), ...(yield* TestConsole.errorLines)];
    return { exit, text: stripVTControlCharacters(lines.join("\n")) }; // colour is the terminal's matter
  }).pipe(Effect.provide(NodeServices.layer));

describe("resd", () => {
  for (const verb of [undefined, "train", "eval", "sample", "doctor"]) {
    it.effect(`--help teaches ${verb ?? "the program"} by examples`, () =>
      Effect.gen(function* () {
        const { exit, text } = yield* printed(...(verb === undefined ? [] : [verb]), "--help");
        assert.strictEqual(exit._tag, "Success");
        assert.match(text, /EXAMPLES\n\s+# \S.*\n\s+npm start/);
      }),
    );
  }

  it.effect("a verb that does not exist is refused with the nearest one", () =>
    Effect.gen(function* () {
      const { exit, text } = yield* printed("trian");
      assert.strictEqual(exit._tag, "Failure");
      assert.match(text, /Did you mean this\?\s+train/);
    }),
  );

  it.effect("counts that would count nothing are refused", () =>
    Effect.gen(function* () {
      for (const args of [
        ["sample", "--tasks=0"],
        ["compare", "m.json", "--jobs=-1"],
        ["env", "validate", "kestrel", "--samples=0"],
        ["env", "play", "kestrel", "--task=-1"],
      ]) {
        const { exit, text } = yield* printed(...args);
        assert.strictEqual(exit._tag, "Failure");
        assert.match(text, /"(0|-1)"\. .*Expected a value greater than or equal to [01]/, args[0]!);
      }
    }),
  );

  it.effect("--version prints the version", () =>
    Effect.gen(function* () {
      assert.include((yield* printed("--version")).text, "1.2.3");
    }),
  );
});
