/**
 * Lessons in the words of the environment: what it said about a failure is the reflection, and what a success repeats of the
 * playbook gets the credit. No model is asked.
 *
 * @module
 */
export { layer, Options } from "./sample_plugin.ts";
