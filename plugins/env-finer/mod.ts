/**
 * FiNER: the tags of four numbers in financial reports, with credit for each in its place. Reads the published rows from
 * files of yours; without them it asks generated questions of the same form.
 *
 * @module
 */
export { layer, manifest, Options } from "./finer.ts";
