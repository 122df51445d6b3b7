import { stripVTControlCharacters } from "node:util";
import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { Command } from "effect/cli";
import { TestConsole } from "effect/testing";
import { resd } from "./commands.ts";
import { presenter } from "./presenter.ts";
import { asksForJson } from "./say_failure.ts";
import { splitArgs } from "./split_args.ts";

/** What a command line without a run prints. */
const printed = (...words: ReadonlyArray<string>) => {
  const { args, overrides } = splitArgs(words);
  return Effect.gen(function* () {
    const [out, error] = [yield* TestConsole.logLines, yield* TestConsole.errorLines];
    const exit = yield* Effect.exit(Command.runWith(resd(overrides), { version: "1.2.3" })(args));
    const text = (lines: ReadonlyArray<unknown>) => stripVTControlCharacters(lines.join("\n")); // colour is the terminal's matter
    return {
      exit,
      out: text((yield* TestConsole.logLines).slice(out.length)),
      error: text((yield* TestConsole.errorLines).slice(error.length)),
    };
  }).pipe(
    Effect.provide(Layer.merge(presenter(overrides, asksForJson(words)), NodeServices.layer)),
  );
};

describe("resd", () => {
  for (const verb of [undefined, "train", "eval", "show", "replay", "sample", "doctor"]) {
    it.effect(`--help teaches ${verb ?? "the program"} by examples`, () =>
      Effect.gen(function* () {
        const { exit, out } = yield* printed(...(verb === undefined ? [] : [verb]), "--help");
        assert.strictEqual(exit._tag, "Success");
        assert.match(out, /EXAMPLES\n\s+# \S.*\n\s+npm start/);
      }),
    );
  }

  it.effect("a verb that does not exist is refused in one line, with the nearest one", () =>
    Effect.gen(function* () {
      const refused = yield* printed("trian");
      assert.strictEqual(refused.exit._tag, "Failure");
      assert.strictEqual(refused.out, "");
      assert.match(
        refused.error,
        /^error {2}Expected one of train, eval, .*, got trian, at resd; did you mean train\? .*explains them$/,
      );
      const asJson = yield* printed("playbook", "shw", "--json");
      assert.strictEqual(asJson.out, "");
      assert.match(
        JSON.parse(asJson.error).error,
        /^Expected one of show, .*, got shw, at playbook; did you mean show\? /,
      );
    }),
  );

  it.effect("a command line that lacks something or has too much says what to do about it", () =>
    Effect.gen(function* () {
      for (const [line, fault] of [
        ["eval", "Expected <run>, got none, at eval; add it: npm start -- eval <run>"],
        [
          "eval --environment.options.level runs/a",
          "Expected <run>, got none, at eval (runs/a was read as the value of --environment.options.level); add it: npm start -- eval <run>",
        ],
        ["export runs/a", "Expected --out, got none, at export; add it: npm start -- export … "],
        ["show runs/a --faild", "Expected a flag of show, got --faild; did you mean --failed? "],
        ["replay runs/a", "Expected <attempt>, got none, at replay; add it: npm start -- replay "],
        ["prompts a b", "Expected no further words, got b, at prompts; leave them out"],
        ["compare m.json --job=1", "Expected a flag of compare, got --job; did you mean --jobs? "],
        ["export a --out b --dtype=f8", 'Expected "f32" | "bf16" | "f16", got "f8", at --dtype; '],
      ] as const) {
        const { exit, out, error } = yield* printed(...line.split(" "));
        assert.strictEqual(exit._tag, "Failure");
        assert.strictEqual(out, "");
        assert.isTrue(error.startsWith(`error  ${fault}`), error);
        assert.notInclude(error, "\n");
      }
    }),
  );

  it.effect("counts that would count nothing are refused", () =>
    Effect.gen(function* () {
      for (const args of [
        ["sample", "--tasks=0"],
        ["show", "runs/a", "--update=0"],
        ["replay", "runs/a", "abc", "--samples=0"],
        ["compare", "m.json", "--jobs=-1"],
        ["env", "validate", "kestrel", "--samples=0"],
        ["env", "play", "kestrel", "--task=-1"],
      ]) {
        const { exit, error } = yield* printed(...args);
        assert.strictEqual(exit._tag, "Failure");
        assert.match(
          error,
          /Expected a value greater than or equal to [01], got "(0|-1)", at --\w+; correct it/,
        );
      }
    }),
  );

  it.effect("--version prints the version", () =>
    Effect.gen(function* () {
      assert.include((yield* printed("--version")).out, "1.2.3");
    }),
  );
});
