import {
  type Action,
  Environment,
  type EpisodeContext,
  renderFeedback,
  type StepResult,
} from "@resd/core";
import { assert, describe, it } from "@effect/vitest";
import { Duration, Effect } from "effect";
import { OTHER_FAMILIES } from "./criteria/mod.ts";
import { layer, manifest } from "./mod.ts";

const context: EpisodeContext = {
  episodeId: "test",
  seed: 1,
  group: { index: 0, size: 1 },
  limits: { maxTurns: 1, stepTimeout: Duration.seconds(1), maxObservationChars: 1000 },
};

/** Answers the task with this key. */
const answer = Effect.fnUntraced(function* (
  key: string,
  program: string,
  stop: Action["stop"] = "eos",
) {
  const environment = yield* Environment;
  const rowOf = Effect.fnUntraced(function* (split: string) {
    const source = environment.tasks(split);
    for (let index = 0; index < Number(source.size); index++) {
      const row = yield* source.get(index);
      if (row.key === `manufactoria/${key}`) return row;
    }
    return undefined;
  });
  const row = (yield* rowOf("test")) ?? (yield* rowOf("train"))!;
  const episode = yield* environment.open(row, context);
  const content = program === "" ? "" : `\`\`\`manufactoria\n${program}\n\`\`\``;
  return yield* episode.step({ content, stop });
}, Effect.scoped);

const shown = (result: StepResult) => renderFeedback(result, { maxCases: 9, maxChars: 1e6 });
const node = (head: string, routes: string) => `${head}\n${routes.replaceAll(/^/gm, "    ")}`;
const program = (...nodes: ReadonlyArray<string>) => [...nodes, "END end"].join("\n");

/** Loops on green, accepts everything else. */
const LOOPS = program(
  node("START start:", "NEXT a"),
  node("PULLER_RB a:", "[R] end\n[B] end\n[EMPTY] b"),
  node("PULLER_YG b:", "[Y] end\n[G] c\n[EMPTY] end"),
  node("PULLER_YG c:", "[G] c\n[Y] c\n[EMPTY] c"),
);

describe("env-manufactoria", () => {
  it.effect("layer() has 742 and 132 tasks, whose order and tests never change", () =>
    Effect.gen(function* () {
      const { tasks } = yield* Environment;
      assert.deepStrictEqual([tasks("train").size, tasks("test").size], [742, 132]);
      const first = yield* tasks("train").get(0);
      assert.strictEqual(first.key, "manufactoria/contains_ordered/GBRY");
      assert.include(first.problem, "Write a program for this task: Accept exactly the tapes");
      assert.match((yield* Effect.flip(tasks("heldOut").get(0))).message, /"train" and "test"/);
    }).pipe(Effect.provide(layer({}))),
  );

  it.effect("layer() has the other families, or some of them, on request", () =>
    Effect.gen(function* () {
      const sizes = Effect.map(Environment, ({ tasks }) => [
        tasks("train").size,
        tasks("test").size,
      ]);
      const all = yield* Effect.provide(sizes, layer({ families: OTHER_FAMILIES }));
      assert.deepStrictEqual(all, [1682, 298]);
      const some = yield* Effect.provide(sizes, layer({ families: ["prepend"] }));
      assert.deepStrictEqual(some, [25, 5]);
      const bad = { families: ["sorting"] } as unknown as { families: ["append"] };
      const error = yield* Effect.flip(Effect.provide(sizes, layer(bad)));
      assert.include(error.message, "families");
    }),
  );

  it.effect("step() shows the first tape that should have been accepted, and where it went", () =>
    Effect.gen(function* () {
      const text = program(
        node("START start:", "NEXT look"),
        node("PULLER_RB look:", "[R] look\n[EMPTY] end"),
      );
      const result = yield* answer("contains_substring/RB", text);
      assert.deepInclude(result, { reward: 0, success: false, parse: "ok" });
      const [first] = (result.tests ?? []).filter(({ status }) => status === "error");
      assert.deepStrictEqual(result.cases, [first?.id ?? ""]);
      assert.strictEqual(
        shown(result),
        `Passed 4 of 19 tests.
Test 3 error:
  input: RB
  expected: accepted
  got: rejected, leaving (empty)
  message: Routed to NONE
  output: steps 1 to 4: start → look → look → NONE
look (PULLER_RB) routed to NONE on B
front of the tape: (empty)
(14 more failing tests not shown)`,
      );
    }).pipe(Effect.provide(layer({}))),
  );

  it.effect("step() shows the two shortest tapes that should not have been accepted", () =>
    Effect.gen(function* () {
      const result = yield* answer(
        "contains_substring/RB",
        program(node("START start:", "NEXT end")),
      );
      assert.strictEqual(
        shown(result),
        `Passed 9 of 19 tests.
Test 1 failed:
  input: (empty)
  expected: rejected
  got: accepted, leaving (empty)
  output: steps 1 to 2: start → end
Test 2 failed:
  input: R
  expected: rejected
  got: accepted, leaving R
  output: steps 1 to 2: start → end
(8 more failing tests not shown)`,
      );
    }).pipe(Effect.provide(layer({}))),
  );

  it.effect("step() says where a loop is stuck", () =>
    Effect.gen(function* () {
      const result = yield* answer("contains_substring/GG", LOOPS);
      assert.strictEqual(
        shown(result),
        `Passed 5 of 20 tests.
Test 9 error:
  input: GG
  expected: accepted
  got: rejected, leaving (empty)
  message: Maximum iterations exceeded (possible infinite loop)
  output: stuck at c (PULLER_YG)
front of the tape: (empty)
tape: (empty)
(14 more failing tests not shown)`,
      );
    }).pipe(Effect.provide(layer({}))),
  );

  it.effect("step() shows what is on the tape and what should be, where that counts", () =>
    Effect.gen(function* () {
      const result = yield* answer("append/RY", program(node("START start:", "NEXT end")));
      assert.strictEqual(
        shown(result),
        `Passed 0 of 25 tests.
Test 1 failed:
  input: (empty)
  expected: accepted, leaving RY
  got: accepted, leaving (empty)
  output: steps 1 to 2: start → end
Test 2 failed:
  input: R
  expected: accepted, leaving RRY
  got: accepted, leaving R
  output: steps 1 to 2: start → end
(23 more failing tests not shown)`,
      );
    }).pipe(Effect.provide(layer({ families: ["append"] }))),
  );

  it.effect("step() answers what cannot be read with its line, and runs no test", () =>
    Effect.gen(function* () {
      const result = yield* answer("contains_substring/RB", "START start:\n  NEXT end\nEND end");
      assert.deepInclude(result, { reward: 0, success: false, parse: "malformed" });
      assert.strictEqual(
        shown(result),
        `Passed 0 of 19 tests.
[compile_error] Line 2: Expected a node, got "NEXT end"; indent routes by four spaces or a tab`,
      );
    }).pipe(Effect.provide(layer({}))),
  );

  it.effect("step() tells a missing program from one that was cut off", () =>
    Effect.gen(function* () {
      const missing = yield* answer("contains_substring/RB", "");
      assert.strictEqual(missing.parse, "no_answer");
      assert.include(shown(missing), "[format] Expected a program in a block");
      const cut = yield* answer("contains_substring/RB", "", "max_tokens");
      assert.include(shown(cut), "[truncated] The answer was cut off by its length before");
      const late = yield* answer("contains_substring/RB", LOOPS, "max_tokens");
      assert.include(shown(late), "[truncated] The answer was cut off by its length.");
    }).pipe(Effect.provide(layer({}))),
  );

  it.effect(
    "step() keeps feedback within its limit, whatever the program is called and paints",
    () =>
      Effect.gen(function* () {
        const long = "n".repeat(5000);
        const programs = [
          program(
            node("START start:", `NEXT ${long}`),
            node(`PAINTER_RED ${long}:`, `NEXT ${long}`),
          ),
          program(node("START start:", `NEXT ${long}`), node(`PULLER_RB ${long}:`, "[R] end")),
          program(node("START start:", `NEXT ${long}`), node(`PAINTER_RED ${long}:`, "NEXT end")),
          program(node("START start:", "NEXT END"), `PULLER_RB ${long}:`),
          program(
            node("START start:", "NEXT p0"),
            ...Array.from({ length: 900 }, (_, i) =>
              node(`PAINTER_BLUE p${i}:`, `NEXT ${i === 899 ? "end" : `p${i + 1}`}`),
            ),
          ),
        ];
        for (const text of programs) {
          for (const key of ["contains_substring/RB", "contains_count/R1"]) {
            const result = yield* answer(key, text, "max_tokens");
            const length = shown(result).length;
            assert.isAbove(length, 100);
            assert.isAtMost(length, manifest.feedback.maxChars);
          }
        }
      }).pipe(Effect.provide(layer({}))),
  );
});
