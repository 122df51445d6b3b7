/**
 * Shows a run on the terminal while it goes on: how far it is, how fast, what it waits for, and how the last evaluation
 * went.
 *
 * @module
 */
export { layer, Options } from "./console.ts";
