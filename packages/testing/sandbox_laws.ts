/** What every sandbox promises: code comes to a value, an error or a limit, and neither the host nor the next call notices. */
import { Sandbox, type SandboxLimits, type SandboxOutcome } from "@resd/core";
import { Duration, Effect, Equal, Fiber } from "effect";
import { demand, type Law, law } from "./law.ts";
import { ATTACKS, type Tag } from "./sandbox/attacks.ts";

export interface SandboxLawSettings {
  /** Wall time of each attack. */
  readonly millis?: number;
  /** Milliseconds beyond it until the outcome must be there: for killing what cannot be stopped, on a busy machine. */
  readonly graceMillis?: number;
}

/** Longest message of an outcome: it is quoted in feedback. */
const MESSAGE = 10_000;
const ROOM = 100_000;

/** What hosts of JavaScript have and the language has not. */
const HOST_NAMES =
  "process require module global Buffer fetch XMLHttpRequest WebSocket WebAssembly Worker postMessage parentPort setTimeout setImmediate Deno Bun std os".split(
    " ",
  );

const fine = { code: "function double(x) { return 2 * x; }", name: "double" };

/**
 * The laws of the sandbox seam.
 *
 * @example
 * ```ts
 * describe("sandbox-quickjs", () => registerLaws(sandboxLaws(), { layer: layer({}) }));
 * ```
 */
export const sandboxLaws = (settings: SandboxLawSettings = {}): ReadonlyArray<Law<Sandbox>> => {
  const { millis = 300, graceMillis = 5000 } = settings;
  const limits: SandboxLimits = { millis: 20_000, bytes: 2 ** 25, outputBytes: ROOM };
  const run = (
    code: string,
    name = "f",
    args: ReadonlyArray<unknown> = [],
    changes: Partial<SandboxLimits> = {},
  ) =>
    Effect.flatMap(Sandbox, (sandbox) =>
      sandbox.run(code, { name, args }, { ...limits, ...changes }),
    );

  const demandValue = (outcome: SandboxOutcome, value: unknown, hint: string) =>
    demand(
      outcome._tag === "value" && Equal.equals(outcome.value, value),
      `the value ${JSON.stringify(value)}`,
      outcome,
      hint,
    );
  const worksOn = Effect.gen(function* () {
    const outcome = yield* run(fine.code, fine.name, [21]);
    yield* demandValue(outcome, 42, "replace a worker that died or hangs");
  });

  const attackLaw = (name: string, code: string, endings: ReadonlyArray<Tag>): Law<Sandbox> =>
    law(
      `sandbox.attack.${name}`,
      `code that is hostile by ${name} ends in ${endings.join(" or ")} within its limits, and the next call works`,
      Effect.gen(function* () {
        yield* worksOn; // starting the sandbox is not the attack's time
        const [taken, outcome] = yield* Effect.timed(run(code, "f", [], { millis }));
        yield* demand(endings.includes(outcome._tag), endings.join(" or "), outcome, code);
        const message = outcome._tag === "value" ? "" : outcome.message;
        yield* demand(
          message.length <= MESSAGE && (outcome.printed ?? "").length <= ROOM,
          `a message of at most ${MESSAGE} characters`,
          outcome,
          "cut what the code says",
        );
        const { polluted } = {} as { polluted?: unknown };
        yield* demand(polluted === undefined, "a clean host", polluted, code);
        const elapsed = Duration.toMillis(taken);
        yield* demand(
          elapsed <= millis + graceMillis,
          `an end within ${millis} + ${graceMillis} ms`,
          elapsed,
          "stop the worker from outside when the code does not look up",
        );
        yield* worksOn;
      }),
    );

  return [
    law(
      "sandbox.value.json",
      "arguments and value are JSON, whatever they hold",
      Effect.gen(function* () {
        const values = [null, true, -0.5, 1e300, 'ü\u0000\u2028🦅"\\', [], [[1], { a: [2] }]];
        for (const value of values) {
          const outcome = yield* run("const f = (x) => x;", "f", [value]);
          yield* demandValue(outcome, value, "send arguments and value as JSON");
        }
        const keys = yield* run(
          `function f() { return JSON.parse('{"__proto__":{"polluted":1}}'); }`,
        );
        yield* demand(
          keys._tag === "value" &&
            Object.keys(keys.value as object).join() === "__proto__" &&
            !("polluted" in (keys.value as object)),
          "a key named __proto__ as any other",
          keys,
          "read JSON with JSON.parse and copy nothing key by key",
        );
      }),
    ),
    law(
      "sandbox.value.promise",
      "what a promise is kept with is the value",
      Effect.flatMap(
        run("async function f(x) { await null; return (await x) + 1; }", "f", [1]),
        (outcome) => demandValue(outcome, 2, "work off the promises of a call"),
      ),
    ),
    law(
      "sandbox.value.printed",
      "what the code prints comes with the outcome",
      Effect.flatMap(run('function f() { console.log("a", 1); return 1; }'), (outcome) =>
        demand(outcome.printed?.trim() === "a 1", "a 1", outcome, "give the code a console.log"),
      ),
      { required: false },
    ),
    law(
      "sandbox.error.told",
      "an error of the code says what it says",
      Effect.flatMap(run('function f() { throw new TypeError("seven"); }'), (outcome) =>
        demand(
          outcome._tag === "error" &&
            outcome.message.includes("TypeError") &&
            outcome.message.includes("seven"),
          "an error with its name and message",
          outcome,
          "policies learn from it",
        ),
      ),
    ),
    ...Object.entries(ATTACKS).map(([name, [code, endings]]) => attackLaw(name, code, endings)),
    law(
      "sandbox.host.unreachable",
      "nothing of the host has a name inside",
      Effect.gen(function* () {
        const code = `function f(names) { return names.filter((name) => globalThis[name] !== undefined); }`;
        yield* demandValue(
          yield* run(code, "f", [HOST_NAMES]),
          [],
          "give the code the language alone",
        );
      }),
    ),
    law(
      "sandbox.calls.separate",
      "nothing of one call is left for the next, in turn or at the same time",
      Effect.gen(function* () {
        const code =
          "globalThis.count = (globalThis.count ?? 0) + 1; Object.prototype.polluted ??= 0; Object.prototype.polluted++; function f(x) { return [count, ({}).polluted, x]; }";
        for (let i = 0; i < 3; i++) {
          yield* demandValue(yield* run(code, "f", [i]), [1, 1, i], "give each call a fresh world");
        }
        const many = yield* Effect.forEach(
          Array.from({ length: 12 }, (_, i) => i),
          (i) => run(code, "f", [i]),
          { concurrency: "unbounded" },
        );
        for (const [i, outcome] of many.entries()) {
          yield* demandValue(outcome, [1, 1, i], "give each call a fresh world");
        }
      }),
    ),
    law(
      "sandbox.calls.repeatable",
      "the same call comes to the same, whatever the time and the chance",
      Effect.gen(function* () {
        const code =
          "const f = () => [Math.random(), Math.random(), Date.now(), String(new Date())];";
        const first = yield* run(code);
        const second = yield* run(code);
        yield* demand(
          first._tag === "value" && Equal.equals(first, second),
          "equal outcomes",
          [first, second],
          "seed what is random and stop the clock, so that grades can be repeated",
        );
      }),
      { required: false },
    ),
    law(
      "sandbox.calls.interrupted",
      "an interrupted call is stopped, and the next one works",
      Effect.gen(function* () {
        yield* worksOn;
        for (const pause of [0, 1, 20]) {
          const fiber = yield* Effect.forkChild(run("function f() { for (;;) {} }"));
          yield* Effect.promise(
            () => new Promise<void>((resolve) => void setTimeout(resolve, pause)),
          );
          const [taken] = yield* Effect.timed(Fiber.interrupt(fiber));
          const elapsed = Duration.toMillis(taken);
          yield* demand(
            elapsed <= graceMillis,
            `an end within ${graceMillis} ms`,
            elapsed,
            "destroy the worker of an interrupted call",
          );
        }
        yield* worksOn;
      }),
    ),
  ];
};
