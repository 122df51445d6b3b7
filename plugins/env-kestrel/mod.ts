/**
 * Kestrel: programs for an undocumented one-register chip. Plans are in plain words; what the chip's sixteen mnemonics
 * do is a hidden convention of the seed, so an agent has to find it out from failed tests and to remember it from task
 * to task.
 *
 * @module
 */
export { Options, layer, manifest } from "./kestrel.ts";
