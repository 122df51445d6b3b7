/** Playbooks wherever they lie: in the folder of a run, in a SQLite file, in a snapshot, in a text. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { HistoryLine, Playbook } from "@resd/core";
import { layer as sqlite } from "@resd/playbook-sqlite";
import {
  type PassedOver,
  type PlaybookState,
  isJson,
  readPlaybookText,
  readPlaybooks,
  replayHistory,
  stateOfView,
} from "@resd/resd";
import { readMoment, runFiles } from "@resd/run";
import { Console, Context, Effect, FileSystem, Layer, Schema, Stream } from "effect";

/** A place that holds no playbook, or not the one that was asked for. */
export class PlaybookSourceError extends Schema.TaggedError<PlaybookSourceError>()(
  "PlaybookSourceError",
  { message: Schema.String },
) {}

/** What a place holds. */
export interface PlaybookSource {
  readonly name: string;
  readonly playbooks: ReadonlyMap<string, PlaybookState>;
  /** Every change, by key; empty where none was written down. */
  readonly history: ReadonlyMap<string, ReadonlyArray<HistoryLine>>;
  /** The folder of the run, if it is one. */
  readonly run?: string;
  /** Lines of a text that are not in the playbook. */
  readonly passedOver?: ReadonlyArray<PassedOver>;
}

/** What the system says of a file that it cannot read or write. */
export const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

const SHOWN_LINES = 5;

/** Lines that say nothing to a playbook, the first few of them. */
export const passedOverText = (lines: ReadonlyArray<PassedOver>): string => {
  const more = lines.length - SHOWN_LINES;
  return [
    `${lines.length} ${lines.length === 1 ? "line that is" : "lines that are"} none of its own`,
    ...lines.slice(0, SHOWN_LINES).map(({ line, message }) => `  line ${line}: ${message}`),
    ...(more > 0 ? [`  … ${more} more`] : []),
  ].join("\n");
};

/** Says on standard error what a text had that the playbook does not have. */
export const tellPassedOver = ({ name, passedOver = [] }: PlaybookSource) =>
  passedOver.length === 0
    ? Effect.void
    : Console.error(`warning  ${name} has ${passedOverText(passedOver)}`);

export const isSqlite = (path: string): boolean => {
  if (/\.(sqlite3?|db)$/.test(path)) return true;
  if (!existsSync(path) || !statSync(path).isFile()) return false;
  return readFileSync(path).subarray(0, 15).toString("latin1") === "SQLite format 3";
};

/** What keeps a file from being one of playbooks; looking leaves no trace in it. */
const faultOf = (file: string): string | undefined => {
  try {
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const tables = `SELECT 1 FROM sqlite_master WHERE name = 'playbook_history'`;
      const found = database.prepare(tables).get();
      return found === undefined ? "a database without playbooks" : undefined;
    } finally {
      database.close();
    }
  } catch (cause) {
    return reasonOf(cause);
  }
};

const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(HistoryLine));

/** Lines of a run's history; old runs wrote less of them, and what cannot be read is passed over. */
export const historyOfRun = (file: string): ReadonlyMap<string, ReadonlyArray<HistoryLine>> => {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  const read = lines.flatMap((line): ReadonlyArray<HistoryLine> => {
    const decoded = decodeLine(line);
    return decoded._tag === "Success" ? [decoded.success] : [];
  });
  return Map.groupBy(read, ({ key }) => key);
};

const readRunPlaybooks = Effect.fnUntraced(function* (folder: string, at: number | undefined) {
  const fs = yield* FileSystem.FileSystem;
  const files = runFiles(folder);
  if (!(yield* fs.exists(files.playbook))) {
    return yield* new PlaybookSourceError({
      message: `Expected the folder of a run, got one without ${files.playbook}, at ${folder}; give a folder such as runs/kestrel-seed-1`,
    });
  }
  const history = historyOfRun(files.operations);
  const source = { name: at === undefined ? folder : `${folder} at ${at}`, run: folder, history };
  if (at === undefined && (yield* fs.exists(files.playbookSnapshot))) {
    const text = yield* fs.readFileString(files.playbookSnapshot);
    return { ...source, playbooks: yield* readPlaybooks(text) };
  }
  return { ...source, playbooks: yield* readMoment(files, at ?? Infinity) };
});

const readSqlite = Effect.fnUntraced(function* (file: string, at: number | undefined) {
  if (!existsSync(file)) {
    return yield* new PlaybookSourceError({
      message: `Expected a SQLite file with playbooks, got no such file, at ${file}; correct the path`,
    });
  }
  const fault = faultOf(file);
  if (fault !== undefined) {
    return yield* new PlaybookSourceError({
      message: `Expected a SQLite file of playbook-sqlite, got ${fault}, at ${file}; give a file that playbook-sqlite has written`,
    });
  }
  const playbook = Context.get(yield* Layer.build(sqlite({ file })), Playbook);
  const playbooks = new Map<string, PlaybookState>();
  const history = new Map<string, ReadonlyArray<HistoryLine>>();
  for (const key of yield* playbook.keys) {
    const lines: ReadonlyArray<HistoryLine> = yield* Stream.runCollect(playbook.history(key));
    history.set(key, lines);
    const view =
      at === undefined
        ? yield* playbook.view(key)
        : { version: 0, ...replayHistory(lines.filter(({ cause }) => cause.update < at)) };
    playbooks.set(key, stateOfView(view));
  }
  return { name: at === undefined ? file : `${file} at ${at}`, playbooks, history };
}, Effect.scoped);

/** A snapshot or a text: of one moment, without a history. */
const readText = Effect.fnUntraced(function* (path: string, at: number | undefined) {
  if (at !== undefined) {
    return yield* new PlaybookSourceError({
      message: `Expected a place with a history, got ${path}, which is of one moment, at --at ${at}; leave it out`,
    });
  }
  const fs = yield* FileSystem.FileSystem;
  const text = yield* fs.readFileString(path);
  const playbooks = yield* Effect.mapError(
    readPlaybooks(text),
    ({ message }) => new PlaybookSourceError({ message: `${message}, at ${path}` }),
  );
  const { passedOver } = isJson(text) ? { passedOver: [] } : readPlaybookText(text);
  return { name: path, playbooks, history: new Map(), passedOver };
});

type Failure = Effect.Error<
  ReturnType<typeof readRunPlaybooks> | ReturnType<typeof readSqlite> | ReturnType<typeof readText>
>;

/**
 * Reads what a place holds.
 *
 * @param at after so many updates; now unless given. Only runs and SQLite files know what was before.
 */
export const readSource = Effect.fn("readSource")(function* (path: string, at?: number) {
  if (!existsSync(path)) {
    return yield* new PlaybookSourceError({
      message: `Expected the folder of a run, a SQLite file, a snapshot or a text, got nothing, at ${path}; correct the path`,
    });
  }
  const read: Effect.Effect<PlaybookSource, Failure, FileSystem.FileSystem> = statSync(
    path,
  ).isDirectory()
    ? readRunPlaybooks(path, at)
    : isSqlite(path)
      ? readSqlite(path, at)
      : readText(path, at);
  return yield* read;
});

/** The playbook of a key; without a key the only one, or the one of all tasks. */
export const choosePlaybook = Effect.fnUntraced(function* (
  { name, playbooks }: PlaybookSource,
  key: string | undefined,
) {
  const wanted = key ?? (playbooks.size === 1 ? [...playbooks.keys()][0]! : "global");
  const state = playbooks.get(wanted);
  if (state !== undefined) return { key: wanted, state };
  const known = [...playbooks.keys()];
  return yield* new PlaybookSourceError({
    message: `Expected a playbook, got none of the key ${wanted}, at ${name}; ${known.length === 0 ? "there is none" : `--key is one of ${known.slice(0, 8).join(", ")}${known.length > 8 ? " …" : ""}`}`,
  });
});
