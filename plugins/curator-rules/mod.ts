/**
 * A curator without a model: it proposes the insight of every reflection that the playbook does not have yet. With
 * `reflector-rules` the whole way from failure to lesson is deterministic.
 *
 * @module
 */
export { layer, Options } from "./curator.ts";
