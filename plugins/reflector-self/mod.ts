/**
 * The policy reflects on its own attempts: it says why one failed, and which lessons of the playbook deserve credit or
 * blame. No model but the one that is trained is asked.
 *
 * @module
 */
export { layer, Options } from "./reflector.ts";
