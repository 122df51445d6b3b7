/** Laws of environments that run what a policy wrote: an attack is a low reward with feedback, and the next episode works. */
import { isSuccess, renderFeedback } from "@resd/core";
import { Effect } from "effect";
import { demand, type Law, law } from "../law.ts";
import { type Bench, play, sampleRows } from "./bench.ts";
import { everything } from "./feedback_laws.ts";

/** Where an attack that gets out of the sandbox leaves its mark. */
const MARK = "resdSandboxEscape";

/** Statements that go to the start of a right program, by name. */
const ATTACKS: Readonly<Record<string, string>> = {
  "endless-loop": "while (true) {}",
  "endless-allocation":
    "const hoard = []; for (;;) hoard.push(new Array(100000).fill(hoard.length));",
  "endless-recursion": "const down = (n) => down(n + 1) + 1; return down(0);",
  "endless-promise": "return new Promise(() => {});",
  "endless-conversion":
    "return { toJSON() { for (;;) {} }, toString() { for (;;) {} }, valueOf() { for (;;) {} } };",
  "long-output": 'return "x".repeat(100000000);',
  "long-error": 'throw new Error("x".repeat(10000000));',
  "odd-error": "throw { toString() { throw null; } };",
  process: "return process.exit(3);",
  require: 'return require("node:fs").readdirSync("/");',
  import: 'return import("node:fs");',
  fetch: 'return fetch("http://127.0.0.1/");',
  constructor: `(function () { return this; }).constructor("return globalThis")().${MARK} = 1; globalThis.constructor.constructor("return globalThis")().${MARK} = 1; throw new Error("outside?");`,
  prototype: `Object.prototype.${MARK} = 1; Array.prototype.map = () => []; JSON.stringify = () => "1"; JSON.parse = () => 1; throw new Error("polluted");`,
};

/** Whether an attack has left its mark on the host; wiped, so that the next attack is judged by itself. */
const escaped = (): boolean => {
  const found = MARK in globalThis;
  Reflect.deleteProperty(globalThis, MARK);
  Reflect.deleteProperty(Object.prototype, MARK);
  return found;
};

const attackLaw = <R>(bench: Bench<R>, name: string, statement: string): Law<R> =>
  law(
    `environment.sandbox.${name}`,
    `a program that begins with the attack "${name}" scores low with feedback within its limits, and the next one works`,
    Effect.scoped(
      Effect.gen(function* () {
        const environment = yield* bench.build;
        const { min, max } = bench.manifest.reward;
        const [row] = yield* sampleRows(bench, environment);
        const attack = row === undefined ? undefined : bench.attack(row, statement);
        if (row === undefined || attack === undefined) {
          return yield* demand(
            false,
            "a gold action with a function to attack",
            row?.gold?.content,
            "give gold programs, or the setting `attack`",
          );
        }
        const { reward, last } = yield* play(bench, environment, row, attack);
        yield* demand(
          reward >= min && reward < max && !isSuccess(last),
          `${min} ≤ reward < ${max} and no success`,
          { reward, success: isSuccess(last) },
          `at ${row.key}: ${statement}`,
        );
        yield* demand(
          (last.tests?.length ?? 0) + (last.feedback?.parts.length ?? 0) > 0,
          "tests or feedback parts",
          last,
          `at ${row.key}: say which limit was hit`,
        );
        const { length } = renderFeedback(last, everything);
        yield* demand(
          length <= bench.manifest.feedback.maxChars,
          `at most ${bench.manifest.feedback.maxChars} characters of feedback`,
          length,
          `at ${row.key}: cut what programs print and throw`,
        );
        yield* demand(!escaped(), "a host that is as before", "a mark on its globals", statement);
        if (row.gold === undefined) return;
        const after = yield* play(bench, environment, row, row.gold);
        yield* demand(
          after.reward === max,
          `reward ${max} for the gold action afterwards`,
          after.reward,
          `at ${row.key}: replace a worker that died`,
        );
      }),
    ),
  );

export const attackLaws = <R>(bench: Bench<R>): ReadonlyArray<Law<R>> =>
  Object.entries(ATTACKS).map(([name, statement]) => attackLaw(bench, name, statement));
