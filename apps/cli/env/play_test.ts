import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { assert, describe, it } from "@effect/vitest";
import { Effect } from "effect";
import { ROOT } from "../application.ts";
import { actionOf } from "./play.ts";

const tools = [{ name: "run_sql" }];

describe("actionOf()", () => {
  it.effect("takes a line that names a tool for a call of it, and all else for an answer", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* actionOf('/run_sql {"query": "select 1"}', tools), {
        content: "",
        toolCalls: [{ id: "by-hand", name: "run_sql", arguments: { query: "select 1" } }],
        stop: "eos",
      });
      for (const said of ["/etc/hosts", "run_sql {}", "two\nlines"]) {
        assert.deepStrictEqual(yield* actionOf(said, tools), { content: said, stop: "eos" });
      }
    }),
  );

  it.effect("says what is wrong with arguments that are no JSON", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(actionOf("/run_sql select 1", tools));
      assert.match(error.message, /arguments of run_sql as JSON, got select 1; write \/run_sql \{/);
    }),
  );
});

describe("resd env play", () => {
  it("shows reward, tests and feedback of what is typed", { timeout: 60_000 }, () => {
    const { stdout, status } = spawnSync(
      process.execPath,
      [join(ROOT, "apps/cli/main.ts"), "env", "play", "kestrel"],
      { input: "10: square\n\n", encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
    );
    assert.strictEqual(status, 0);
    assert.match(stdout, /^kestrel\/classic\/1\/train\/0\nuser\n10: /);
    assert.match(stdout, /not solved {2}reward 0, terminated, answer malformed/);
    assert.match(stdout, /what a reflector reads:\nPassed 0 of 3 tests\.\n\[format\] error 10:/);
  });
});
