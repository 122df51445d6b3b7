/**
 * Playbooks in one JSON file that a person can read: whole after every change, for one process at a time.
 *
 * @module
 */
export { layer, Options } from "./sample_plugin.ts";
