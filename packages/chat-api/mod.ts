/**
 * Asking models behind any OpenAI-compatible chat endpoint about attempts: with deadlines, retries, a limit on what goes
 * on at once, a budget of tokens and money that is never exceeded, and keys that nobody gets to see.
 *
 * @module
 */
export * from "./api_error.ts";
export * from "./ask_api.ts";
export * from "./budget.ts";
export * from "./chat_client.ts";
export * from "./options.ts";
export * from "./reply_schemas.ts";
