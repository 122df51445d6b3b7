/**
 * Playbooks that live as long as the process. Choose it when a run's snapshots are all that has to last; `playbook-sqlite`
 * keeps the history as well.
 *
 * @module
 */
export { layer, Options } from "./memory.ts";
