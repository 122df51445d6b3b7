/**
 * The policy curates its own playbook: it reads each reflection beside the lessons it has and proposes what is missing.
 *
 * @module
 */
export { layer, Options } from "./curator.ts";
