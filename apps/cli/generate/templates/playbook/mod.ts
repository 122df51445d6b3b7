/**
 * A playbook that lives in memory, as long as the process.
 *
 * @module
 */
export { layer, Options } from "./sample_plugin.ts";
