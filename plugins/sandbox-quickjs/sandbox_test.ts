import { assert, layer as withLayer } from "@effect/vitest";
import { Sandbox, type SandboxLimits } from "@resd/core";
import { sandboxLaws } from "@resd/testing";
import { registerLaws } from "@resd/testing/vitest";
import { Effect, Layer } from "effect";
import { describe, test } from "vitest";
import { layer } from "./mod.ts";
import { runGuest } from "./run_guest.ts";

const limits: SandboxLimits = { millis: 20_000, bytes: 2 ** 25, outputBytes: 10_000 };
const run = (
  code: string,
  args: ReadonlyArray<unknown> = [],
  changes: Partial<SandboxLimits> = {},
) =>
  Effect.flatMap(Sandbox, (sandbox) =>
    sandbox.run(code, { name: "f", args }, { ...limits, ...changes }),
  );

const portsOpen = (): number =>
  process.getActiveResourcesInfo().filter((kind) => kind === "MessagePort").length;

describe("runGuest()", () => {
  test("runGuest() says that the engine must not be used again, when it gave up in its work", () => {
    const broken = {
      newRuntime: () => {
        throw new RangeError("Maximum call stack size exceeded");
      },
    };
    const call = { code: "", name: "f", args: "[]", limits };
    assert.deepEqual(runGuest(broken as never, call), {
      outcome: {
        ending: {
          _tag: "error",
          message: "the engine gave up: Maximum call stack size exceeded",
        },
        printed: "",
      },
      damaged: true,
    });
  });
});

describe("sandbox-quickjs", () => {
  registerLaws(sandboxLaws(), { layer: layer({ workers: 2 }) });

  withLayer(layer({ workers: 1, graceMillis: 50 }), { excludeTestServices: true })((it) => {
    it.effect("run() counts steps, so that code ends at the same place every time", () =>
      Effect.gen(function* () {
        const code = "function f() { for (let i = 1; ; i++) if (i % 1000 === 0) console.log(i); }";
        const first = yield* run(code, [], { steps: 1_000_000 });
        assert.deepInclude(first, {
          _tag: "timeout",
          message: "more than 1000000 jumps and calls",
        });
        assert.isAbove(Number(first.printed?.trim().split("\n").at(-1)), 100_000);
        assert.deepEqual(yield* run(code, [], { steps: 1_000_000 }), first);
      }),
    );

    it.effect("run() names the place of an error in the code", () =>
      Effect.gen(function* () {
        const outcome = yield* run("function f() {\n  const a = 1;\n  return a.b.c;\n}");
        assert.strictEqual(outcome._tag, "error");
        assert.match("message" in outcome ? outcome.message : "", /^TypeError: .*\(answer\.js:3/);
      }),
    );

    it.effect("run() gives a clock that stands still and keeps its time zone", () =>
      Effect.gen(function* () {
        const outcome = yield* run(
          "const f = () => [Date.now(), new Date().getTime(), new Date(2020, 1, 1).getTime(), new Date().constructor === Date, Reflect.construct(Date, []).getTime(), new (class extends Date {})().getTime()];",
        );
        const expected = [0, 0, Date.UTC(2020, 1, 1), true, 0, 0];
        assert.deepEqual(outcome, { _tag: "value", value: expected });
      }),
    );

    it.effect("run() replaces the worker, when the engine does not look up from its work", () =>
      Effect.gen(function* () {
        const outcome = yield* run("const f = () => new Array(2 ** 32 - 2).indexOf(1);", [], {
          millis: 100,
        });
        assert.deepEqual(outcome, { _tag: "timeout", message: "not done after 100 ms" });
        assert.deepEqual(yield* run("const f = (x) => x;", [7]), { _tag: "value", value: 7 });
      }),
    );

    it.effect("run() keeps its own limit on output, so that no heap of a worker gets full", () =>
      Effect.gen(function* () {
        const code =
          'function f() { let s = "x"; for (let i = 0; i < 23; i++) s += s; for (;;) console.log(s); }';
        const outcome = yield* run(code, [], { bytes: 2 ** 29, outputBytes: 2 ** 40 });
        assert.deepInclude(outcome, {
          _tag: "output",
          message: "printed more than 16777216 bytes",
        });
      }),
    );

    it.effect("run() refuses a name that is no name, and memory too small for anything", () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox;
        const named = yield* sandbox.run("1", { name: "f();g", args: [] }, limits);
        assert.strictEqual(named._tag, "error");
        assert.strictEqual((yield* run("const f = () => 1;", [], { bytes: 1000 }))._tag, "memory");
      }),
    );

    it.effect("run() fails as the machinery does, when no worker starts in time", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          run("const f = () => 1;").pipe(Effect.provide(layer({ startMillis: 1 }))),
        );
        assert.strictEqual(error._tag, "EnvironmentInfraError");
        assert.include(error.message, "none after 1 ms");
        assert.isTrue("retryable" in error && error.retryable);
      }),
    );

    it.effect(
      "layer() refuses options that it does not know, and ends its workers with its scope",
      () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(
            Layer.build(layer({ wokers: 1 } as never)).pipe(Effect.scoped),
          );
          assert.include(error.message, "wokers");
          const before = portsOpen();
          yield* run("const f = () => 1;").pipe(Effect.provide(layer({ workers: 3 })));
          assert.isAtMost(portsOpen(), before);
        }),
    );
  });
});
