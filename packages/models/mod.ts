/**
 * Decoder families from a Hugging Face config.json: typed configurations, parameters and their initialisation, graph
 * builders for training and for generation with a key-value cache, and model folders.
 *
 * @example
 * ```ts
 * const { config, parameters } = yield* loadFolder("models/chat");
 * const ids = input("ids", [2, 16], "i32");
 * const states_BTD = hidden(config, parameterInputs(config), ids);
 * ```
 *
 * @module
 */
export * from "./adapter_folder.ts";
export * from "./cache.ts";
export * from "./config.ts";
export { headWeights, hidden, type HiddenOptions, logits } from "./decoder.ts";
export * from "./folder.ts";
export * from "./lora.ts";
export * from "./lora_targets.ts";
export * from "./merge_adapter.ts";
export * from "./parameters.ts";
export * from "./parse_config.ts";
export { saveFolder, type SaveOptions, writeFiles } from "./save_folder.ts";
export type { RopeScaling } from "./rope.ts";
