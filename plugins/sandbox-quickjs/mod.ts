/**
 * A sandbox for JavaScript: QuickJS, compiled to WebAssembly, in worker threads. The code meets the language and nothing
 * else: no files, no network, no modules, no clock, no chance. A worker that hangs or dies is replaced.
 *
 * @module
 */
export { Options, layer } from "./plugin.ts";
