/** Part of suite `environments`: what a call of the sandbox costs beside the code that it runs, and what a scene costs. */
import { Environment, Sandbox, type SandboxLimits } from "@resd/core";
import { layer as bouncingSim } from "@resd/env-bouncing-sim";
import { layer as quickjs } from "@resd/sandbox-quickjs";
import { Console, Effect, Layer } from "effect";
import {
  inTurns,
  type Measurement,
  measurement,
  MILLISECONDS,
  type SuiteOptions,
  timed,
  type Unit,
} from "./measurement.ts";

const LIMITS: SandboxLimits = { millis: 20_000, bytes: 2 ** 25, outputBytes: 10_000 };

/** The mean of work that is done so many times. */
const each = (count: number): Unit => ({ ...MILLISECONDS, of: (time) => time / count });

const CALLS = 200;
const SCENES = 40;

const call = (code: string, millis = LIMITS.millis) =>
  Effect.flatMap(Sandbox, (sandbox) =>
    sandbox.run(code, { name: "f", args: [0.5] }, { ...LIMITS, millis }),
  );

const TRIVIAL = "function f(x) { return [[x, x]]; }";
/** The engine does not look up from it. */
const DEAF = "function f() { return new Array(2 ** 32 - 2).indexOf(1); }";

const calls = (count: number, concurrency: number | "unbounded") =>
  Effect.forEach(Array.from({ length: count }), () => call(TRIVIAL), {
    concurrency,
    discard: true,
  });

/** Scenes of an environment that nothing has been asked before. */
const scenes = (level: "easy" | "medium") =>
  Effect.gen(function* () {
    const { tasks } = yield* Environment;
    for (let index = 0; index < SCENES; index++) yield* tasks("train").get(index);
  }).pipe(Effect.provide(Layer.provide(bouncingSim({ level, seed: 1 }), quickjs({}))));

const WORK = {
  "sandbox, a call": { unit: each(CALLS), work: calls(CALLS, 1) },
  "sandbox, a call among many": { unit: each(CALLS), work: calls(CALLS, "unbounded") },
  "sandbox, a call after one that was killed": {
    unit: each(1),
    // 1 ms of the call, 1 ms of grace, and the start of another worker.
    work: Effect.andThen(call(DEAF, 1), call(TRIVIAL)),
  },
  "bouncing-sim, an easy scene": { unit: each(SCENES), work: scenes("easy") },
  "bouncing-sim, a medium scene": { unit: each(SCENES), work: scenes("medium") },
};

export const sandboxCalls = Effect.fnUntraced(
  function* ({ repeats, only }: SuiteOptions) {
    const measurements: Array<Measurement> = [];
    for (const [name, { unit, work }] of Object.entries(WORK)) {
      if (!name.includes(only)) continue;
      yield* Console.error(`measuring ${name}`);
      yield* work;
      const { ours } = yield* inTurns(repeats, timed(work), undefined);
      measurements.push(
        measurement({ name, peerName: "", unit, threads: 1, ours, peer: undefined }),
      );
    }
    return measurements;
  },
  Effect.provide(quickjs({ graceMillis: 1 })),
);
