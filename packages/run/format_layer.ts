/** The prompt format of a run: what the configuration names, or what the model folder asks for. */
import { Format, Policy } from "@resd/core";
import { chatFormat, compactFormat } from "@resd/resd";
import { Effect, Layer, Result } from "effect";
import { configError } from "./config_error.ts";
import type { RunConfig } from "./run_config.ts";

export const formatLayer = ({ format, model }: Pick<RunConfig, "format" | "model">) =>
  Layer.effect(
    Format,
    Effect.gen(function* () {
      const { info } = yield* Policy;
      if (format !== "auto" && format !== info.format) {
        const message = `Expected the format that ${info.model} reads, ${info.format}, got ${format}, at format; leave it out, or set it to auto`;
        return yield* configError([{ path: "format", source: "configuration", message }]);
      }
      if (info.format === "compact") return compactFormat;
      // Chat templates bring the whole tokenizer library with them; compact models do without.
      const { loadTokenizer } = yield* Effect.promise(() => import("@resd/tokenizers"));
      const tokenizer = yield* loadTokenizer(model);
      return chatFormat((messages, options) =>
        Result.getOrThrow(tokenizer.renderChat(messages, options)),
      );
    }),
  );
