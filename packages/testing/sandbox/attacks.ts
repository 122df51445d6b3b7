/** Hostile code by name, each with a function `f`, and how it may end: which limit comes first is the sandbox's business. */
import type { SandboxOutcome } from "@resd/core";

export type Tag = SandboxOutcome["_tag"];

export const ATTACKS: Readonly<
  Record<string, readonly [code: string, endings: ReadonlyArray<Tag>]>
> = {
  "endless-loop": ["function f() { for (;;) {} }", ["timeout"]],
  "endless-loop-at-top": ["for (;;) {}", ["timeout"]],
  "caught-loop": ["function f() { for (;;) { try { for (;;) {} } catch {} } }", ["timeout"]],
  "endless-expression": [
    'function f() { return /(a+)+$/.test("a".repeat(60) + "b"); }',
    ["timeout"],
  ],
  "one-long-operation": [
    "function f() { return new Array(2 ** 32 - 2).indexOf(1); }",
    ["timeout", "memory"],
  ],
  hoarding: [
    "function f() { const all = []; for (;;) all.push(new Uint8Array(100000)); }",
    ["memory", "timeout"],
  ],
  "hoarding-on": [
    "function f() { const all = []; for (;;) try { for (;;) all.push({}); } catch {} }",
    ["memory", "timeout"],
  ],
  recursion: ["function f() { return f() + 1; }", ["error", "memory", "timeout"]],
  "caught-recursion": [
    "function f() { try { return f(); } catch { return f(); } }",
    ["error", "memory", "timeout"],
  ],
  "deep-code": [`function f() { return ${"(".repeat(100_000)}; }`, ["error", "memory"]],
  "deep-value": [
    "function f() { let all = []; for (let i = 0; i < 20000; i++) all = [all]; return all; }",
    ["error", "output", "memory", "timeout"],
  ],
  "long-value": ['function f() { return "x".repeat(100000000); }', ["memory", "output", "timeout"]],
  "long-text": ['function f() { return "x".repeat(200000); }', ["output"]],
  "long-print": [
    'function f() { for (;;) try { console.log("x".repeat(1000)); } catch {} }',
    ["output", "timeout", "error"],
  ],
  "promise-flood": [
    "function f() { return (function g() { return Promise.resolve().then(g); })(); }",
    ["timeout", "memory", "error"],
  ],
  "promise-never": ["function f() { return new Promise(() => {}); }", ["error", "timeout"]],
  "looping-conversion": ["function f() { return { toJSON() { for (;;) {} } }; }", ["timeout"]],
  "looping-getter": ["function f() { return { get x() { for (;;) {} } }; }", ["timeout"]],
  "looping-proxy": [
    "function f() { return new Proxy({}, { ownKeys() { for (;;) {} } }); }",
    ["timeout"],
  ],
  "looping-message": [
    "function f() { throw { get message() { for (;;) {} }, toString() { for (;;) {} }, toJSON() { for (;;) {} } }; }",
    ["timeout", "error"],
  ],
  "looping-stack": [
    'function f() { throw Object.defineProperty(new Error("no"), "stack", { get() { for (;;) {} } }); }',
    ["timeout", "error"],
  ],
  "odd-error": ["function f() { throw { toString() { throw null; } }; }", ["error"]],
  "long-error": ['function f() { throw new Error("x".repeat(1000000)); }', ["error", "memory"]],
  cycle: ["function f() { const all = []; all.push(all); return all; }", ["error"]],
  "no-json": ["function f() { return 10n; }", ["error"]],
  nothing: ["function f() {}", ["error"]],
  unreadable: ["function f( {", ["error"]],
  missing: ["const g = 1;", ["error"]],
  process: ["function f() { return process.exit(3); }", ["error"]],
  require: ['function f() { return require("node:fs").readdirSync("/"); }', ["error"]],
  import: [
    'function f() { return import("node:fs").then((fs) => fs.readdirSync("/")); }',
    ["error"],
  ],
  "static-import": ['import fs from "node:fs"; function f() { return 1; }', ["error"]],
  fetch: ['function f() { return fetch("http://127.0.0.1/").then(() => 1); }', ["error"]],
  "function-constructor": [
    'function f() { return f.constructor.constructor("return process")().pid; }',
    ["error"],
  ],
};
