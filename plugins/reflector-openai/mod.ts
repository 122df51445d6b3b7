/**
 * Reflections by a model behind any OpenAI-compatible endpoint, in the wording of the run. Prose, so for policies that read
 * the chat format. The key comes from the environment and appears nowhere else.
 *
 * @module
 */
export { layer, Options } from "./reflector.ts";
