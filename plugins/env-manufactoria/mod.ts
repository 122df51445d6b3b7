/**
 * Manufactoria: programs for a tape machine that accept exactly the tapes with a property. The task of the paper
 * (874 properties in three families) and eight further families, each task with a gold program built by construction.
 *
 * @module
 */
export { layer, manifest, Options } from "./manufactoria.ts";
