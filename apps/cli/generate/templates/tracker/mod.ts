/**
 * Logs the loss of a run, every so many updates.
 *
 * @module
 */
export { layer, Options } from "./sample_plugin.ts";
