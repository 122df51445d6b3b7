/** Random sequences of changes to playbooks against a plain model. */
import { type Cause, type Entry, type PlaybookShape, type Random, makeRandom } from "@resd/core";
import { Effect } from "effect";
import { type Law, broken, demand, law } from "../law.ts";
import { PlaybookModel, reading } from "./model.ts";
import { type WithStore, historyOf } from "./snapshot_laws.ts";
import { randomStep, replay, takeStep } from "./steps.ts";

const KEYS = ["global", "task/7"] as const;

const sorted = (entries: Iterable<Entry>) =>
  [...entries].toSorted((a, b) => (a.id < b.id ? -1 : 1));

const randomCause = (random: Random, update: number, by: Cause["by"]): Cause => ({
  ...(random.next() < 0.5 ? { attempt: `attempt ${update}` } : {}),
  ...(random.next() < 0.3 ? { reflection: `reflection ${update}` } : {}),
  update,
  by,
});

/** A model of one key, and all ids that were ever seen there. */
interface Modelled {
  readonly key: string;
  model: PlaybookModel;
  readonly ids: Array<string>;
}

/** One sequence, from an empty store. */
const sequence = Effect.fnUntraced(function* (playbook: PlaybookShape, random: Random) {
  const models = KEYS.map((key): Modelled => ({ key, model: new PlaybookModel(), ids: [] }));
  let saved:
    | { readonly bytes: Uint8Array; readonly models: ReadonlyArray<PlaybookModel> }
    | undefined;
  const steps = 4 + random.int(12);
  for (let update = 0; update < steps; update++) {
    const kind = random.next();
    if (kind < 0.04) {
      saved = {
        bytes: yield* playbook.snapshot,
        models: models.map(({ model }) => model.copy()),
      };
    } else if (kind < 0.08 && saved !== undefined) {
      yield* playbook.restore(saved.bytes);
      for (const [i, model] of saved.models.entries()) models[i]!.model = model.copy();
    }
    const { key, model, ids } = random.pick(models);
    const step = randomStep(random, ids);
    const by = step._tag === "concise" ? "concise" : "curator";
    yield* takeStep(playbook, key, model, step, randomCause(random, update, by));
    for (const list of model.lists) {
      for (const { id } of list) if (!ids.includes(id)) ids.push(id);
    }
  }
  for (const { key, model } of models) {
    const lines = yield* historyOf(playbook, key);
    const replayed = replay(lines);
    const [told, expected] = [
      reading({ updateCount: replayed.updateCount, entries: sorted(replayed.entries.values()) }),
      reading({
        updateCount: model.updateCount,
        entries: sorted((yield* playbook.view(key)).entries),
      }),
    ];
    yield* demand(
      told === expected,
      `a history that replays to\n${expected}`,
      lines,
      "append every change in the order in which it was made, and drop those that a restore undid",
    );
    const skipped = random.int(lines.length + 2);
    const rest = yield* historyOf(playbook, key, skipped);
    yield* demand(
      JSON.stringify(rest) === JSON.stringify(lines.slice(skipped)),
      `the history without its first ${skipped} lines`,
      rest,
      "leave out `after` lines",
    );
  }
});

/**
 * @param sequences how many are tried.
 * @param seed names them.
 */
export const sequenceLaws = <E, R>(
  withStore: WithStore<E, R>,
  sequences: number,
  seed: number,
): ReadonlyArray<Law<R>> => [
  law(
    "playbook.sequence.model",
    `${sequences} random sequences of changes, snapshots and restores on two keys agree with a plain model, and their history replays to the view`,
    withStore((playbook) =>
      Effect.gen(function* () {
        const nothing = yield* playbook.snapshot;
        for (let i = 0; i < sequences; i++) {
          yield* sequence(playbook, makeRandom("playbook-laws", seed, i)).pipe(
            Effect.mapError((error) =>
              error._tag === "LawError"
                ? broken(
                    error.expected,
                    error.actual,
                    `sequence ${i} of seed ${seed}, ${error.hint}`,
                  )
                : error,
            ),
          );
          yield* playbook.restore(nothing);
        }
      }),
    ),
  ),
];
