import { stripVTControlCharacters } from "node:util";
import { NodeServices } from "@effect/platform-node";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { Command } from "effect/cli";
import { TestConsole } from "effect/testing";
import { resd } from "../commands.ts";

const help = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* Effect.exit(Command.runWith(resd([]), { version: "1.2.3" })([...args, "--help"]));
    const lines = [...(yield* TestConsole.logLines), ...(yield* TestConsole.errorLines)];
    return stripVTControlCharacters(lines.join("\n"));
  }).pipe(Effect.provide(NodeServices.layer));

describe("resd env", () => {
  for (const verb of [[], ["list"], ["new"], ["validate"], ["play"]]) {
    it.effect(`env ${verb.join("")} --help teaches by examples`, () =>
      Effect.gen(function* () {
        assert.match(yield* help("env", ...verb), /EXAMPLES\n\s+# \S.*\n\s+npm start -- env/);
      }),
    );
  }
});
