/** One call in QuickJS: a fresh runtime, the code, the function, its value as JSON, and nothing left behind. */
import { performance } from "node:perf_hooks";
import {
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
  type QuickJSWASMModule,
  Scope,
} from "quickjs-emscripten-core";
import { PRELUDE } from "./prelude.ts";
import type { GuestCall, GuestEnding, GuestOutcome } from "./protocol.ts";

/** The engine asks whether to go on once in so many jumps and calls. */
const STEPS_PER_QUESTION = 10_000;

/** Bytes of stack for the code, some thousand calls deep; the worker's own stack has room for more than that. */
export const STACK_BYTES = 512 * 1024;

/** The engine itself takes about a third of this before any code is there. */
const LEAST_BYTES = 1024 * 1024;

/**
 * No limit on output is larger. What comes back lies in the worker's heap, and a heap that is full ends the whole process
 * and not just its thread.
 */
const MOST_OUTPUT = 16 * 1024 * 1024;

/** Levels of arrays and objects in a value: hosts walk through values by recursion. */
const MOST_LEVELS = 200;

/** Jobs of promises that run before the limits are looked at again. */
const JOBS_AT_ONCE = 1000;

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** What ends a call from outside, uncatchable for the code. */
interface Stop {
  readonly _tag: "timeout" | "output";
  readonly message: string;
}

/** Watches over a call; the first limit that is hit stays. */
const makeWatch = ({ millis, steps, outputBytes }: GuestCall["limits"]) => {
  const end = performance.now() + millis;
  let questions = 0;
  let printed = "";
  let room = outputBytes;
  let stop: Stop | undefined;
  return {
    stopped: () => stop,
    printed: () => printed,
    /** Whether the code has to end now. */
    ask: (): boolean => {
      questions++;
      if (steps !== undefined && questions * STEPS_PER_QUESTION > steps) {
        stop ??= { _tag: "timeout", message: `more than ${steps} jumps and calls` };
      }
      if (performance.now() > end) {
        stop ??= { _tag: "timeout", message: `not done after ${millis} ms` };
      }
      return stop !== undefined;
    },
    /** Takes what the code prints, as far as there is room for it. */
    print: (length: number, read: () => string): void => {
      // A text of so many units has at least as many bytes; it is not even read when they are too many.
      const text = length > room ? undefined : read();
      const bytes = text === undefined ? Infinity : Buffer.byteLength(text);
      if (bytes > room) {
        stop ??= { _tag: "output", message: `printed more than ${outputBytes} bytes` };
        return;
      }
      room -= bytes;
      printed += text;
    },
  };
};
type Watch = ReturnType<typeof makeWatch>;

/** Depth of a JSON text. */
const levelsOf = (json: string): number => {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const letter = json[i];
    if (quoted) {
      if (letter === "\\") i++;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === "[" || letter === "{") deepest = Math.max(deepest, ++depth);
    else if (letter === "]" || letter === "}") depth--;
  }
  return deepest;
};

/** Something the code threw, or a limit that it hit. */
class GuestFailure extends Error {
  readonly handle: QuickJSHandle;
  constructor(handle: QuickJSHandle) {
    super("the code threw something");
    this.handle = handle;
  }
}

const lengthOf = (context: QuickJSContext, text: QuickJSHandle): number =>
  context.getProp(text, "length").consume((length) => context.getNumber(length));

/** The functions of the prelude, callable from here. */
const openDoor = (scope: Scope, context: QuickJSContext, watch: Watch) => {
  const value = (result: ReturnType<QuickJSContext["evalCode"]>): QuickJSHandle => {
    if (result.error !== undefined) throw new GuestFailure(scope.manage(result.error));
    return scope.manage(result.value);
  };
  const evaluate = (code: string, file: string): QuickJSHandle =>
    value(context.evalCode(code, file, { type: "global" }));
  const print = scope.manage(
    context.newFunction("print", (text) => {
      watch.print(lengthOf(context, text), () => context.getString(text));
    }),
  );
  const prelude = evaluate(PRELUDE, "prelude.js");
  const inside = value(context.callFunction(prelude, context.undefined, print));
  const named = (name: string) => {
    const f = scope.manage(context.getProp(inside, name));
    return (...args: Array<QuickJSHandle>): QuickJSHandle =>
      value(context.callFunction(f, context.undefined, ...args));
  };
  return {
    evaluate,
    call: named("call"),
    json: named("json"),
    kind: named("kind"),
    describe: named("describe"),
  };
};
type Door = ReturnType<typeof openDoor>;

/** Works off promises until the value is settled, the limits are hit, or nothing is left to do. */
const settle = (
  scope: Scope,
  runtime: QuickJSRuntime,
  context: QuickJSContext,
  watch: Watch,
  value: QuickJSHandle,
): QuickJSHandle | string => {
  for (;;) {
    const state = context.getPromiseState(value);
    if (state.type === "fulfilled") return state.notAPromise ? value : scope.manage(state.value);
    if (state.type === "rejected") throw new GuestFailure(scope.manage(state.error));
    const jobs = runtime.executePendingJobs(JOBS_AT_ONCE);
    const worked = jobs.error === undefined ? jobs.value : 1;
    jobs.error?.dispose();
    if (watch.ask() || worked === 0) return "a promise that is never kept";
  }
};

/** Runs the code and calls its function; throws a GuestFailure for everything that the code throws. */
const perform = (
  scope: Scope,
  runtime: QuickJSRuntime,
  context: QuickJSContext,
  door: Door,
  watch: Watch,
  { code, name, args, limits }: GuestCall,
): GuestEnding => {
  const error = (message: string) => ({ _tag: "error" as const, message });
  door.evaluate(code, "answer.js");
  if (!IDENTIFIER.test(name)) return error(`Expected a name of a function, got ${name}`);
  const f = door.evaluate(`typeof ${name} === "undefined" ? undefined : ${name}`, "host.js");
  const kind = context.getString(door.kind(f));
  if (kind !== "function") {
    return error(
      `Expected a function named ${name}, got ${kind === "undefined" ? "none" : kind}; define it at the top level`,
    );
  }
  const list = scope.manage(context.newString(args));
  const value = settle(scope, runtime, context, watch, door.call(f, list));
  if (typeof value === "string") return error(`Expected a value of ${name}, got ${value}`);
  const json = door.json(value);
  if (context.getString(door.kind(json)) !== "string") {
    const got = context.getString(door.kind(value));
    return error(`Expected a value that JSON can hold, got ${got}, of ${name}; return one`);
  }
  const large = {
    _tag: "output" as const,
    message: `returned more than ${limits.outputBytes} bytes`,
  };
  if (lengthOf(context, json) > limits.outputBytes) return large;
  const text = context.getString(json);
  if (Buffer.byteLength(text) > limits.outputBytes) return large;
  return levelsOf(text) > MOST_LEVELS
    ? { _tag: "output", message: `returned a value of more than ${MOST_LEVELS} levels` }
    : { _tag: "value", json: text };
};

const OUT_OF_MEMORY = /^InternalError: out of memory/;

/** What the code threw, or the room that it did not have even for that. */
const failureEnding = (context: QuickJSContext, door: Door, failure: unknown): GuestEnding => {
  if (!(failure instanceof GuestFailure)) throw failure;
  const memory: GuestEnding = { _tag: "memory", message: "needed more memory than there is" };
  try {
    const message = context.getString(door.describe(failure.handle));
    return OUT_OF_MEMORY.test(message) ? memory : { _tag: "error", message };
  } catch (cause) {
    if (cause instanceof GuestFailure) return memory;
    throw cause;
  }
};

const inFreshRuntime = (quickjs: QuickJSWASMModule, call: GuestCall, watch: Watch): GuestEnding =>
  Scope.withScope((scope) => {
    const runtime = scope.manage(quickjs.newRuntime());
    runtime.setMemoryLimit(call.limits.bytes);
    runtime.setMaxStackSize(STACK_BYTES);
    runtime.setInterruptHandler(watch.ask);
    const context = scope.manage(runtime.newContext());
    const door = openDoor(scope, context, watch);
    try {
      return perform(scope, runtime, context, door, watch, call);
    } catch (failure) {
      return failureEnding(context, door, failure);
    }
  });

/** Calls a function of untrusted code. `damaged`: the module must not be used again. */
export const runGuest = (
  quickjs: QuickJSWASMModule,
  { limits, ...asked }: GuestCall,
): { readonly outcome: GuestOutcome; readonly damaged: boolean } => {
  const outputBytes = Math.min(limits.outputBytes, MOST_OUTPUT);
  const call: GuestCall = { ...asked, limits: { ...limits, outputBytes } };
  const watch = makeWatch(call.limits);
  const { bytes } = call.limits;
  const outcomeOf = (ending: GuestEnding): GuestOutcome => ({
    // Whatever the code made of being stopped, it was stopped.
    ending: watch.stopped() ?? ending,
    printed: watch.printed(),
  });
  if (bytes < LEAST_BYTES) {
    const message = `needed more than ${bytes} bytes`;
    return { outcome: outcomeOf({ _tag: "memory", message }), damaged: false };
  }
  try {
    const ending = inFreshRuntime(quickjs, call, watch);
    const named: GuestEnding =
      ending._tag === "memory"
        ? { _tag: "memory", message: `needed more than ${bytes} bytes` }
        : ending;
    return { outcome: outcomeOf(named), damaged: false };
  } catch (cause) {
    // The engine itself gave up in the middle of its work.
    const message = `the engine gave up: ${cause instanceof Error ? cause.message : String(cause)}`;
    return { outcome: outcomeOf({ _tag: "error", message }), damaged: true };
  }
};
