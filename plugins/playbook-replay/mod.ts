/**
 * The playbook of a recorded run, shown as it was after each of its updates. What the new run proposes, tags and removes
 * changes nothing: two runs that read one playbook differ by everything but their lessons.
 *
 * @module
 */
export { layer, Options } from "./replay.ts";
