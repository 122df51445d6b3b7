/**
 * Playbooks in a SQLite file: they outlive the process, and every change can be looked up with its cause.
 *
 * @module
 */
export { layer, Options } from "./plugin.ts";
