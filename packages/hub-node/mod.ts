/**
 * Models of the Hugging Face hub by their name, as `org/model` or `org/model@revision`: found in the cache that Python
 * programs share, downloaded into it where they are missing.
 *
 * The environment says where, and with which rights, under the names that Python programs read: `HF_HOME`,
 * `HF_HUB_CACHE`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE`, `HF_HUB_DOWNLOAD_TIMEOUT`.
 *
 * @example
 * ```ts
 * const folder = yield* findModel("HuggingFaceTB/SmolLM2-135M-Instruct@main");
 * ```
 *
 * @module
 */
export { findModel, type FoundModel } from "./find_model.ts";
export { HubError } from "./hub_error.ts";
export { type HubSettings, readHubSettings } from "./hub_settings.ts";
export { type ModelName, parseModelName } from "./model_name.ts";
