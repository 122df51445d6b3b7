/** `resd show`: the attempts of a run, or everything that it has written down of one. */
import type { HistoryLine } from "@resd/core";
import {
  type RunFiles,
  type RecordedEpisode,
  modelAndAdapter,
  outcomeOf,
  readBeginning,
  readEpisode,
  readEpisodes,
  runFiles,
} from "@resd/run";
import { loadTokenizer } from "@resd/tokenizers";
import { Console, Effect, FileSystem, Option, Result, Schema } from "effect";
import { episodeTable } from "./episode_list.ts";
import { type EpisodeStory, type EpisodeTokens, storyText } from "./episode_story.ts";
import { hostLayer } from "./host.ts";
import { inkFor } from "./ink.ts";
import { historyOfRun } from "./playbook/source.ts";
import { terminalWidth } from "./wrapped.ts";

export interface ShowInput {
  readonly run: string;
  /** Id of an attempt, or the beginning of one; absent: all that the filters let through. */
  readonly episode: Option.Option<string>;
  readonly failed: boolean;
  readonly solved: boolean;
  readonly update: Option.Option<number>;
  readonly task: Option.Option<string>;
  readonly last: number;
  readonly tokens: boolean;
  readonly json: boolean;
}

/** Flags that say two things. */
export class ShowError extends Schema.TaggedError<ShowError>()("ShowError", {
  message: Schema.String,
}) {}

const page = () => ({ columns: terminalWidth(process.stdout), ink: inkFor(process.stdout) });

const list = Effect.fnUntraced(function* (input: ShowInput) {
  const refuse = (message: string) => new ShowError({ message });
  if (input.failed && input.solved) {
    return yield* refuse(
      `Expected --failed or --solved, got both, at show ${input.run}; leave one out`,
    );
  }
  if (input.tokens) {
    return yield* refuse(
      `Expected the id of an attempt beside --tokens, got none, at show ${input.run}; add it, or leave --tokens out`,
    );
  }
  const found = yield* readEpisodes(input.run, {
    ...(Option.isSome(input.update) ? { update: input.update.value } : {}),
    ...(Option.isSome(input.task) ? { task: input.task.value } : {}),
    ...(input.failed ? { success: false } : input.solved ? { success: true } : {}),
  });
  if (input.json) {
    return JSON.stringify(
      found.map((one) => ({ ...one, results: undefined, outcome: outcomeOf(one) })),
    );
  }
  if (found.length === 0) return "No attempt is like that.";
  const shown = found.slice(-input.last);
  const solved = found.filter(({ success }) => success).length;
  const { ink, columns } = page();
  return [
    `${ink("bold", `${found.length} attempts`)} of ${input.run}, ${solved} solved`,
    "",
    episodeTable({ shown, before: found.length - shown.length }, { columns, ink }),
    "",
    ink(
      "dim",
      `npm start -- show ${input.run} ${shown.at(-1)!.id.slice(0, 8)}  tells everything about the last one`,
    ),
  ].join("\n");
});

/** Changes of playbooks because of an attempt; undefined where none were written down. */
const changesBy = Effect.fnUntraced(function* (files: RunFiles, { id, update }: RecordedEpisode) {
  const fs = yield* FileSystem.FileSystem;
  if (!(yield* fs.exists(files.operations))) return undefined;
  return [...historyOfRun(files.operations).values()]
    .flat()
    .filter(({ cause }: HistoryLine) => cause.attempt === id && cause.update === update - 1);
});

const decodeRow = Schema.decodeUnknownResult(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)),
);

/** The row of an update in metrics.jsonl; undefined where the run has not come so far. */
const rowOf = Effect.fnUntraced(function* (files: RunFiles, update: number) {
  const fs = yield* FileSystem.FileSystem;
  if (!(yield* fs.exists(files.metrics))) return undefined;
  for (const line of (yield* fs.readFileString(files.metrics)).split("\n")) {
    if (!line.includes(`"update":${update},`)) continue;
    const row = decodeRow(line); // the last line of a run that was cut off may be none
    if (Result.isFailure(row)) continue;
    if (row.success["type"] === "update" && row.success["update"] === update) return row.success;
  }
  return undefined;
});

/** Names ids by the vocabulary of the run's model: the trained one, or the one that training began with. */
const tokensOf = Effect.fnUntraced(function* (run: string, { ids }: RecordedEpisode) {
  const fs = yield* FileSystem.FileSystem;
  const named = Effect.gen(function* () {
    const { files, config } = yield* readBeginning(run);
    const own = yield* fs.exists(`${files.model}/tokenizer.json`);
    const { folder } = own ? { folder: files.model } : yield* modelAndAdapter(config);
    const { piece } = yield* loadTokenizer(folder);
    return { pieces: ids.map((id) => piece(id) ?? "") } satisfies EpisodeTokens;
  });
  const tokens: EpisodeTokens = yield* named.pipe(
    Effect.catch(({ message }) => Effect.succeed({ missing: message })),
  );
  return tokens;
});

const tell = Effect.fnUntraced(function* (id: string, input: ShowInput) {
  const given = [
    input.failed ? "--failed" : "",
    input.solved ? "--solved" : "",
    Option.isSome(input.update) ? "--update" : "",
    Option.isSome(input.task) ? "--task" : "",
  ].filter((flag) => flag !== "");
  if (given.length > 0) {
    return yield* new ShowError({
      message: `Expected the id of an attempt or flags that choose some, got ${id} and ${given.join(", ")}, at show ${input.run}; leave one of the two out`,
    });
  }
  const files = runFiles(input.run);
  const episode = yield* readEpisode(input.run, id);
  const changes = yield* changesBy(files, episode);
  const update = yield* rowOf(files, episode.update);
  const story: EpisodeStory = {
    episode,
    ...(changes === undefined ? {} : { changes }),
    ...(update === undefined ? {} : { update }),
    ...(input.tokens ? { tokens: yield* tokensOf(input.run, episode) } : {}),
  };
  return input.json ? JSON.stringify(story) : storyText(story, page());
});

export const show = Effect.fnUntraced(function* (input: ShowInput) {
  const { episode } = input;
  yield* Console.log(
    Option.isSome(episode) ? yield* tell(episode.value, input) : yield* list(input),
  );
}, Effect.provide(hostLayer));
