/**
 * Continue a sequence: the policy reads four numbers and answers with the fifth; a wrong answer is told whether it was too low
 * or too high.
 *
 * @module
 */
export { layer, manifest, Options } from "./sample_plugin.ts";
