/** Suite `playbooks`: operations a second of every store, at the sizes of a small run and of a very large one. */
import {
  type Cause,
  type Entry,
  type Operation,
  Playbook,
  type PlaybookError,
  type PlaybookShape,
  makeRandom,
} from "@resd/core";
import { layer as memory } from "@resd/playbook-memory";
import { layer as sqlite } from "@resd/playbook-sqlite";
import {
  SECTIONS,
  dispensableFirst,
  encodeSnapshot,
  applyOperations,
  emptyState,
  nearDuplicates,
  renderPlaybook,
} from "@resd/resd";
import { Console, Context, Effect, FileSystem, Layer } from "effect";
import {
  type Measurement,
  type SuiteOptions,
  type Unit,
  inTurns,
  measurement,
  timed,
} from "./measurement.ts";

/** Entries of a playbook. */
const SIZES: ReadonlyArray<number> = [200, 20_000];

const operationsPerSecond = (count: number): Unit => ({
  name: "operations/s",
  of: (time) => (count / time) * 1000,
  rate: true,
});

const WORDS =
  "always never check carry digit round before after list sorted search value state loop start end first last match count prefix suffix branch return compare index".split(
    " ",
  );

/** A lesson of about twelve words. */
const lesson = (random: ReturnType<typeof makeRandom>, i: number): string =>
  `${Array.from({ length: 12 }, () => random.pick(WORDS)).join(" ")} ${i}`;

const lessonsOf = (size: number): ReadonlyArray<Operation> => {
  const random = makeRandom("playbook bench", size);
  return Array.from({ length: size }, (_, i) => ({
    _tag: "Add",
    section: random.pick(SECTIONS),
    text: lesson(random, i),
  }));
};

const cause: Cause = { update: 1, by: "curator", attempt: "a", reflection: "r" };

/** What is done to a store, so many times a repeat. */
interface Work {
  readonly name: string;
  readonly count: number;
  readonly once: (
    playbook: PlaybookShape,
    ids: ReadonlyArray<string>,
    i: number,
  ) => Effect.Effect<unknown, PlaybookError>;
}

const WORKS: ReadonlyArray<Work> = [
  {
    name: "add and delete",
    count: 50,
    // One operation each, so that the playbook keeps its size.
    once: (playbook, _ids, i) =>
      Effect.flatMap(
        playbook.apply("global", [{ _tag: "Add", section: "others", text: `new ${i}` }], cause),
        ({ entries }) => {
          const made = entries.findLast(({ text }) => text === `new ${i}`)?.id ?? "";
          return playbook.apply("global", [{ _tag: "Delete", entry: made }], cause);
        },
      ),
  },
  {
    name: "tag 4 entries",
    count: 100,
    once: (playbook, ids, i) =>
      playbook.tag(
        "global",
        [0, 1, 2, 3].map((k) => ({
          entry: ids[(i * 37 + k * 11) % ids.length] ?? "",
          sign: "helpful",
        })),
        cause,
      ),
  },
  { name: "view", count: 200, once: (playbook) => playbook.view("global") },
];

const withStore = <A, E, E2>(
  layer: Layer.Layer<Playbook, E2>,
  use: (playbook: PlaybookShape) => Effect.Effect<A, E>,
) =>
  Effect.scoped(
    Effect.flatMap(Layer.build(layer), (services) => use(Context.get(services, Playbook))),
  );

/** Times of one store at one size. */
const storeRows = Effect.fnUntraced(function* <E>(
  store: string,
  layer: Layer.Layer<Playbook, E>,
  size: number,
  { repeats, only }: SuiteOptions,
) {
  const works = WORKS.map((work) => ({
    ...work,
    title: `playbook of ${size}: ${work.name}, ${store}`,
  })).filter(({ title }) => title.includes(only));
  if (works.length === 0) return [];
  yield* Console.error(`measuring a playbook of ${size} entries, ${store}`);
  return yield* withStore(layer, (playbook) =>
    Effect.gen(function* () {
      yield* playbook.restore(
        encodeSnapshot(
          new Map([["global", applyOperations(emptyState, lessonsOf(size), cause).state]]),
        ),
      );
      const ids = (yield* playbook.view("global")).entries.map(({ id }) => id);
      let i = 0;
      return yield* Effect.forEach(works, ({ title, count, once, name }) =>
        Effect.map(
          inTurns(
            repeats,
            timed(
              Effect.forEach(
                Array.from({ length: count }),
                () => Effect.suspend(() => once(playbook, ids, i++)),
                { discard: true },
              ),
            ),
            undefined,
          ),
          ({ ours }) =>
            measurement({
              name: title,
              peerName: "none",
              unit: operationsPerSecond(name === "add and delete" ? 2 * count : count),
              threads: 1,
              ours,
              peer: undefined,
            }),
        ),
      );
    }),
  );
});

/** What a prompt or a curation asks of a playbook, whatever store it is in. */
const pureRows = Effect.fnUntraced(function* (size: number, { repeats, only }: SuiteOptions) {
  const { entries } = applyOperations(emptyState, lessonsOf(size), cause).state;
  const fresh = new Set(entries.slice(-16).map(({ id }) => id));
  const task = "Search the sorted list and return the index of the first match before the end.";
  const works: ReadonlyArray<readonly [string, Effect.Effect<unknown>]> = [
    ["render as text", Effect.sync(() => renderPlaybook(entries))],
    ["order by use and relevance", dispensableFirst(entries as ReadonlyArray<Entry>, task)],
    [
      "near-duplicates of 16 new entries",
      Effect.orDie(nearDuplicates(entries, { threshold: 0.6 }, fresh)),
    ],
  ];
  const rows: Array<Measurement> = [];
  for (const [name, work] of works) {
    const title = `playbook of ${size}: ${name}`;
    if (!title.includes(only)) continue;
    const { ours } = yield* inTurns(repeats, timed(work), undefined);
    const unit = operationsPerSecond(1);
    rows.push(
      measurement({ name: title, peerName: "none", unit, threads: 1, ours, peer: undefined }),
    );
  }
  return rows as ReadonlyArray<Measurement>;
});

export const playbookSuite = Effect.fnUntraced(function* (options: SuiteOptions) {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "resd-bench-" });
  const rows: Array<Measurement> = [];
  for (const size of SIZES) {
    const file = (name: string) => `${folder}/${name}-${size}.sqlite`;
    rows.push(...(yield* storeRows("memory", memory({}), size, options)));
    rows.push(...(yield* storeRows("sqlite", sqlite({ file: file("process") }), size, options)));
    const flushed = sqlite({ file: file("power"), durability: "power" });
    rows.push(...(yield* storeRows("sqlite, flushed", flushed, size, options)));
    rows.push(...(yield* pureRows(size, options)));
  }
  return rows as ReadonlyArray<Measurement>;
}, Effect.scoped);
