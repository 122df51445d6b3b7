/** The prompt format of a run: what the configuration names, or what the model folder asks for. */
import { Format, Policy } from "@resd/core";
import { chatFormat, compactFormat, parsePromptFile } from "@resd/resd";
import { Effect, FileSystem, Layer, Result } from "effect";
import { configError } from "./config_error.ts";
import type { RunConfig } from "./run_config.ts";

const refuse = (path: string, message: string) =>
  configError([{ path, source: "configuration", message }]);

/** The wording in a file. */
const readPrompts = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem;
  const text = yield* Effect.mapError(fs.readFileString(file), (error) =>
    refuse(
      "prompts",
      `Expected a file with the wording of prompts, got ${error.message}, at prompts ${file}; npm start -- prompts prints one to begin with`,
    ),
  );
  return yield* Effect.mapError(Effect.fromResult(parsePromptFile(text)), (error) =>
    refuse("prompts", `${error.message} of ${file}`),
  );
});

export const formatLayer = ({
  format,
  model,
  prompts: file,
  resd,
  thinking,
}: Pick<RunConfig, "format" | "model" | "prompts" | "resd" | "thinking">) =>
  Layer.effect(
    Format,
    Effect.gen(function* () {
      const { info } = yield* Policy;
      if (format !== "auto" && format !== info.format) {
        const message = `Expected the format that ${info.model} reads, ${info.format}, got ${format}, at format; leave it out, or set it to auto`;
        return yield* refuse("format", message);
      }
      const withoutThought = (why: string) =>
        refuse(
          "thinking",
          `Expected a model that can be told to think, got ${info.model}, ${why}, at thinking; leave it out`,
        );
      if (info.format === "compact") {
        if (thinking) return yield* withoutThought("whose grammar is fixed");
        if (file === undefined) return compactFormat;
        const message = `Expected prompts for a model that reads the chat format, got ${file} for ${info.model}, whose grammar is fixed, at prompts; leave it out`;
        return yield* refuse("prompts", message);
      }
      const prompts = file === undefined ? undefined : yield* readPrompts(file);
      // Chat templates bring the whole tokenizer library with them; compact models do without.
      const { loadTokenizer } = yield* Effect.promise(() => import("@resd/tokenizers"));
      const tokenizer = yield* loadTokenizer(model);
      const greeting = (enable_thinking: boolean) =>
        Result.map(
          tokenizer.renderChat([{ role: "user", content: "Hello." }], {
            reply: true,
            variables: { enable_thinking },
          }),
          (prompt) => JSON.stringify(prompt),
        );
      const [open, closed] = yield* Effect.fromResult(
        Result.all([greeting(true), greeting(false)]),
      );
      if (thinking && open === closed) {
        return yield* withoutThought("whose chat template has no enable_thinking");
      }
      return chatFormat(
        (messages, options) =>
          Result.getOrThrow(
            tokenizer.renderChat(messages, {
              ...options,
              variables: { enable_thinking: thinking },
            }),
          ),
        { operations: resd.operations, ...(prompts === undefined ? {} : { prompts }) },
      );
    }),
  );
