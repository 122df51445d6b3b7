/** The trained policy of a run as a folder for others. */
import type { ExportedModel, ExportOptions } from "@resd/engine";
import { Effect, FileSystem, Path, Schema } from "effect";
import { modelCard } from "./model_card.ts";
import { modelFolder } from "./model_finder.ts";
import type { RecordedRun } from "./read_run.ts";

/** Which form the folder has, and where it goes. */
export interface ExportRunOptions extends Pick<
  ExportOptions,
  "to" | "force" | "dtype" | "shardBytes"
> {
  /** `model`: everything in one folder, an adapter merged; `adapter`: PEFT's layout. */
  readonly as: "model" | "adapter";
  readonly which: "end" | "best";
}

const RunFacts = Schema.fromJsonString(
  Schema.Struct({
    command: Schema.Array(Schema.String),
    startedAt: Schema.String,
    versions: Schema.Record(Schema.String, Schema.String),
  }),
);

/** The license that the card of a model names in its front matter. */
export const licenseIn = (card: string): string | undefined => {
  const front = /^---\r?\n(.*?)\r?\n---/su.exec(card)?.[1];
  const named = front === undefined ? undefined : /^license:[ \t]*(.+?)[ \t]*$/mu.exec(front)?.[1];
  return named?.replaceAll(/^["']|["']$/gu, "");
};

const licenseOf = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const text = yield* Effect.orElseSucceed(fs.readFileString(`${folder}/README.md`), () => "");
  return licenseIn(text);
});

/** The arguments of a command line, without the program's own path. */
const argumentsOf = (command: ReadonlyArray<string>): ReadonlyArray<string> => command.slice(1);

/** Writes the policy of a run to a folder that appears when it is whole; see `exportModel`. */
export const exportRun = Effect.fn("exportRun")(function* (
  recorded: RecordedRun,
  options: ExportRunOptions,
) {
  const fs = yield* FileSystem.FileSystem;
  const path = yield* Path.Path;
  const { exportModel, modelOfAdapter, modelOrigin } = yield* Effect.promise(
    () => import("@resd/engine"),
  );
  const named = yield* modelOfAdapter(recorded.model);
  const model = named === undefined ? recorded.model : yield* modelFolder(named);
  // A model whose parameters were all trained has been copied; where it came from is in the configuration.
  const source = named === undefined ? recorded.config.model : model;
  const license = yield* licenseOf(source);
  const { command, ...facts } = yield* Effect.flatMap(
    fs.readFileString(recorded.files.run),
    Schema.decodeEffect(RunFacts),
  );
  const card = (exported: ExportedModel) =>
    modelCard({
      exported: { ...exported, base: modelOrigin(source, path) },
      run: recorded,
      which: options.which,
      command: argumentsOf(command),
      ...facts,
      ...(license === undefined ? {} : { license }),
    });
  return yield* exportModel({
    ...options,
    model,
    ...(named === undefined ? {} : { adapter: recorded.model }),
    card,
  });
});
