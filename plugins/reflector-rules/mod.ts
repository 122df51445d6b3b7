/**
 * Reflections by the rules of the environment, where it brings some: deterministic, without a model call, and never
 * wrong. What a learned reflector is measured against.
 *
 * @module
 */
export { layer, Options } from "./reflector.ts";
