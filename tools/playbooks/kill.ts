/** Kills a writing process at random moments, and looks whether its file holds everything that it had acknowledged. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { type HistoryLine, Playbook, type PlaybookShape, makeRandom } from "@resd/core";
import { layer as memory } from "@resd/playbook-memory";
import { layer as sqlite } from "@resd/playbook-sqlite";
import { Context, Effect, Layer, Schema, Stream } from "effect";
import { makeChange } from "./operations.ts";

/** A file that lacks what was acknowledged, or holds what nobody wrote. */
export class LostChangeError extends Schema.TaggedError<LostChangeError>()("LostChangeError", {
  message: Schema.String,
}) {}

export interface KillOptions {
  /** The playbook file, made if it is not there. */
  readonly file: string;
  readonly kills: number;
  readonly seed: number;
  readonly durability: "process" | "power";
  /** Longest time that a writer lives after its first change, in milliseconds. */
  readonly longest: number;
}

/** How one kill went. */
export interface Kill {
  /** Milliseconds from the first acknowledged change to the signal. */
  readonly after: number;
  /** Changes that this process had acknowledged. */
  readonly acknowledged: number;
  /** Whether the file also holds the change that was under way. */
  readonly oneMore: boolean;
}

/** Starts a writer at a number, kills it `after` milliseconds behind its first answer; the last number that it said. */
const killWriter = (
  { file, seed, durability }: KillOptions,
  first: number,
  after: number,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const program = join(import.meta.dirname, "writer.ts");
    const child = spawn(
      process.execPath,
      [program, file, String(seed), String(first), durability],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let said = "";
    let complained = "";
    let alive = true;
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complained += text));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (said === "") setTimeout(() => (alive = !child.kill("SIGKILL")), after);
      said += text;
    });
    child.on("close", (_code, signal) => {
      if (signal !== "SIGKILL" || alive) {
        reject(new Error(`Expected a writer that writes until it is killed, got: ${complained}`));
        return;
      }
      // Half a number at the end was not said.
      const numbers = said
        .slice(0, said.lastIndexOf("\n") + 1)
        .trim()
        .split("\n");
      resolve(Number(numbers.at(-1)));
    });
  });

const withFile = <A, E>(
  { file, durability }: KillOptions,
  use: (playbook: PlaybookShape) => Effect.Effect<A, E>,
) =>
  Effect.scoped(
    Effect.flatMap(Layer.build(sqlite({ file, durability })), (services) =>
      use(Context.get(services, Playbook)),
    ),
  );

/** With the fields of every object in one order, whatever store it comes from. */
const inOrder = (_key: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** Everything that a store says, as one text. */
const everything = Effect.fnUntraced(function* (playbook: PlaybookShape) {
  const told: Array<unknown> = [];
  for (const key of yield* playbook.keys) {
    const lines: ReadonlyArray<HistoryLine> = yield* Stream.runCollect(playbook.history(key));
    told.push([key, yield* playbook.view(key), lines]);
  }
  return JSON.stringify(told, inOrder);
});

/**
 * Kills one writer after another on one file. The same changes are made in memory, up to the last one acknowledged: the
 * file has to say exactly the same, or the same after one change more, which was under way.
 */
export const killWriters = Effect.fnUntraced(function* (options: KillOptions) {
  const twin = Context.get(yield* Layer.build(memory({})), Playbook);
  const random = makeRandom("kill", options.seed);
  const kills: Array<Kill> = [];
  let next = 0;
  while (kills.length < options.kills) {
    const first = next;
    const after = random.next() * options.longest;
    const last = yield* Effect.tryPromise({
      try: () => killWriter(options, first, after),
      catch: (error) => new LostChangeError({ message: String(error) }),
    });
    for (; next <= last; next++) yield* makeChange(twin, options.seed, next);
    const found = yield* withFile(options, everything);
    const before = yield* everything(twin);
    let oneMore = false;
    if (found !== before) {
      oneMore = true;
      yield* makeChange(twin, options.seed, next++);
      if (found !== (yield* everything(twin))) {
        return yield* new LostChangeError({
          message: `Expected the ${last + 1} changes that were acknowledged, or one more, got something else, at kill ${kills.length + 1} in ${options.file}`,
        });
      }
    }
    kills.push({ after, acknowledged: last - first + 1, oneMore });
  }
  return kills as ReadonlyArray<Kill>;
}, Effect.scoped);
