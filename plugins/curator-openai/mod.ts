/**
 * Curation by a model behind any OpenAI-compatible endpoint, in the wording of the run. The key comes from the environment
 * and appears nowhere else.
 *
 * @module
 */
export { layer, Options } from "./curator.ts";
