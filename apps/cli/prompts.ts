/** `resd prompts`: the wording of the chat format, as a file to begin with, or as a run has used it. */
import { chatPrompts } from "@resd/resd";
import { RunFolderError, runFiles } from "@resd/run";
import { Effect, FileSystem, Option } from "effect";

export interface PromptsInput {
  readonly run: Option.Option<string>;
}

export const prompts = Effect.fnUntraced(function* ({ run }: PromptsInput) {
  if (Option.isNone(run)) return yield* print(chatPrompts.text);
  const fs = yield* FileSystem.FileSystem;
  const file = runFiles(run.value).prompts;
  if (!(yield* fs.exists(file))) {
    return yield* new RunFolderError({
      folder: run.value,
      message: `Expected the wording that a run has used, got no ${file}; runs whose model reads the compact format have none`,
    });
  }
  return yield* print(yield* fs.readFileString(file));
});

/** The text and nothing else, so that it can become a file. */
const print = (text: string) => Effect.sync(() => void process.stdout.write(text));
