/**
 * Keeps every insight once: what a reflection learned becomes an entry unless the playbook, or an earlier proposal of the same
 * update, says the same. No model is asked.
 *
 * @module
 */
export { layer, Options } from "./sample_plugin.ts";
