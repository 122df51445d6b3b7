import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { assert, layer as withLayer } from "@effect/vitest";
import { type Action, Environment, type StepResult, renderFeedback } from "@resd/core";
import * as quickjs from "@resd/sandbox-quickjs";
import { Duration, Effect, Layer } from "effect";
import * as bouncingSim from "./mod.ts";
import { programOf } from "./prompt.ts";
import type { Scene } from "./scene.ts";
import type { Positions } from "./simulate.ts";

const environment = bouncingSim
  .layer({ trainSize: 3, testSize: 1, seed: 2 })
  .pipe(Layer.provide(quickjs.layer({})));

const limits = { maxTurns: 1, stepTimeout: Duration.seconds(60), maxObservationChars: 1000 };
const context = { episodeId: "e", seed: 1, group: { index: 0, size: 1 }, limits };

const task = Effect.fnUntraced(function* (index: number) {
  const { tasks, open } = yield* Environment;
  const row = yield* tasks("train").get(index);
  const answer = (content: string, stop: Action["stop"] = "eos") =>
    Effect.scoped(Effect.flatMap(open(row, context), (one) => one.step({ content, stop })));
  const run = (code: string) => answer(`\`\`\`js\n${code}\n\`\`\``);
  const { scene, positions } = row.task as { scene: Scene; positions: Positions };
  return { row, scene, positions, answer, run };
});

const told = (result: StepResult) => renderFeedback(result, { maxCases: 10, maxChars: 10_000 });
const statuses = ({ tests = [] }: StepResult) => tests.map(({ status }) => status[0]).join("");

/** The sources of the exact simulation as one plain program. */
const solver = (scene: Scene): string => {
  const [geometry, exact] = ["scene.ts", "_exact.ts"].map((file) =>
    stripTypeScriptTypes(readFileSync(new URL(file, import.meta.url), "utf8"))
      .replaceAll(/^import [^;]*;$/gm, "")
      .replaceAll(/^export /gm, ""),
  );
  return [
    "const Schema = { Struct: () => 0, Array: () => 0 };",
    geometry,
    exact,
    `const places = exactPositions(${JSON.stringify(scene)});`,
    "const predict_position = (t) => places[Math.round(t * 10) - 1];",
  ].join("\n");
};

withLayer(environment, { excludeTestServices: true })("env-bouncing-sim", (it) => {
  it.effect("a program that solves every contact by hand is right at all times", () =>
    Effect.gen(function* () {
      const { scene, run } = yield* task(0);
      const result = yield* run(solver(scene));
      assert.deepInclude(result, { reward: 1, success: true, parse: "ok" }, told(result));
    }),
  );

  it.effect("a program that knows no walls is right until the first of them, and told so", () =>
    Effect.gen(function* () {
      const { scene, run } = yield* task(0);
      const result = yield* run(
        `const balls = ${JSON.stringify(scene.balls)}; function predict_position(t) { return balls.map(({ x, y, vx, vy }) => [x + vx * t, y + vy * t]); }`,
      );
      assert.match(statuses(result), /^p+f+$/);
      assert.strictEqual(result.reward, 0);
      assert.lengthOf(result.cases!, 3);
      const right = statuses(result).indexOf("f");
      assert.include(told(result), `The latest time that is right is t = ${right / 10}.`);
      assert.include(told(result), `The earliest that is not is t = ${(right + 1) / 10}.`);
      assert.match(told(result), /The error grows from [\d.]+ at t = /);
      assert.match(told(result), /got: \([\d.-]+, [\d.-]+\)/);
      assert.match(told(result), /mean distance [\d.]+, allowed 50; off: ball 1 by /);
    }),
  );

  it.effect("of errors only the first is shown, with its place", () =>
    Effect.gen(function* () {
      const { positions, run } = yield* task(0);
      const result = yield* run(
        `const places = ${JSON.stringify(positions)};\nfunction predict_position(t) {\n  if (t > 1) throw new Error("lost");\n  return places[0];\n}`,
      );
      assert.match(statuses(result), /^pf*.*eeeee$/);
      assert.deepEqual(result.cases, ["t=1.1"]);
      assert.include(told(result), "message: Error: lost (answer.js:3");
      assert.notInclude(told(result), "mean distance");
    }),
  );

  it.effect("values that are no places are errors, whatever they are", () =>
    Effect.gen(function* () {
      const { run } = yield* task(0);
      for (const value of ["[]", "null", "'x'", "[[1, 2]]", "[[1, NaN], [1, 2], [1, 2]]"]) {
        const result = yield* run(`const predict_position = () => (${value});`);
        assert.strictEqual(statuses(result), "e".repeat(15));
        assert.match(told(result), /Expected a list of 3 pairs \[x, y\] of numbers, got /);
      }
    }),
  );

  it.effect("a program that does not end is stopped twice and not run again", () =>
    Effect.gen(function* () {
      const { run } = yield* task(0);
      const result = yield* run("function predict_position() { for (;;) {} }");
      assert.strictEqual(statuses(result), "t".repeat(15));
      assert.include(told(result), "Stopped: more than 20 million loop turns and calls");
      assert.include(result.tests?.[14]?.message ?? "", "Not run");
      assert.strictEqual((yield* run("const predict_position = 1;")).parse, "ok");
    }),
  );

  it.effect("an answer without a program is told what is missing, and that it was cut", () =>
    Effect.gen(function* () {
      const { answer } = yield* task(0);
      const without = yield* answer("I cannot.");
      assert.deepInclude(without, { reward: 0, parse: "no_answer" });
      assert.strictEqual(without.feedback?.parts[0]?.kind, "format");
      const cut = yield* answer("```javascript\nfunction pre", "max_tokens");
      assert.strictEqual(cut.feedback?.parts[0]?.kind, "truncated");
    }),
  );

  it.effect("programOf() takes the last closed block of JavaScript", () =>
    Effect.sync(() => {
      assert.strictEqual(programOf("```js\na\n```\nor\n```\nb\n```\n```python\nc\n```"), "b");
      assert.strictEqual(programOf("```JavaScript\r\na\r\n```"), "a");
      assert.isUndefined(programOf("```js\na"));
      assert.isUndefined(programOf("a"));
    }),
  );
});
