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
}: Pick<RunConfig, "format" | "model" | "prompts" | "resd">) =>
  Layer.effect(
    Format,
    Effect.gen(function* () {
      const { info } = yield* Policy;
      if (format !== "auto" && format !== info.format) {
        const message = `Expected the format that ${info.model} reads, ${info.format}, got ${format}, at format; leave it out, or set it to auto`;
        return yield* refuse("format", message);
      }
      if (info.format === "compact") {
        if (file === undefined) return compactFormat;
        const message = `Expected prompts for a model that reads the chat format, got ${file} for ${info.model}, whose grammar is fixed, at prompts; leave it out`;
        return yield* refuse("prompts", message);
      }
      const prompts = file === undefined ? undefined : yield* readPrompts(file);
      // Chat templates bring the whole tokenizer library with them; compact models do without.
      const { loadTokenizer } = yield* Effect.promise(() => import("@resd/tokenizers"));
      const tokenizer = yield* loadTokenizer(model);
      return chatFormat(
        (messages, options) => Result.getOrThrow(tokenizer.renderChat(messages, options)),
        { operations: resd.operations, ...(prompts === undefined ? {} : { prompts }) },
      );
    }),
  );
