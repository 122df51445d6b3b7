/** Random changes to playbooks, taken in a store and in the plain model side by side. */
import type {
  Cause,
  ConciseRule,
  Entry,
  HistoryLine,
  Operation,
  PlaybookShape,
  Random,
  Tag,
} from "@resd/core";
import { Effect } from "effect";
import { broken } from "../law.ts";
import { type PlaybookModel, SECTION_NAMES, reading } from "./model.ts";

/** One random change, with ids that are there, were there, or never were. */
export type Step =
  | { readonly _tag: "apply"; readonly operations: ReadonlyArray<Operation> }
  | { readonly _tag: "tag"; readonly tags: ReadonlyArray<Tag> }
  | { readonly _tag: "concise"; readonly rule: ConciseRule; readonly seed: number }
  | { readonly _tag: "advance" };

const TEXTS = ["a", "b is c", "  padded ", "ünï 🦅", ""];

export const randomStep = (random: Random, ids: ReadonlyArray<string>): Step => {
  const id = () => (random.next() < 0.1 || ids.length === 0 ? "misc-99999" : random.pick(ids));
  const text = () => random.pick(TEXTS);
  const section = () => random.pick(SECTION_NAMES).spelling;
  const operation = (): Operation => {
    const kind = random.next();
    if (kind < 0.65) return { _tag: "Add", section: section(), text: text() };
    if (kind < 0.75) return { _tag: "Update", entry: id(), text: text() };
    if (kind < 0.87) return { _tag: "Merge", entries: [id(), id(), id()], text: text() };
    if (kind < 0.97) return { _tag: "Delete", entry: id() };
    const entries = Array.from({ length: random.int(3) }, (_, i) => ({
      id: random.next() < 0.5 ? id().replace("99999", "00017") : `far-${10_000 + 7 * i}`,
      section: section(),
      text: text(),
      helpful: random.int(4),
      harmful: random.int(3),
    }));
    return { _tag: "Import", entries };
  };
  const kind = random.next();
  if (kind < 0.35) {
    return {
      _tag: "apply",
      operations: Array.from({ length: 1 + random.int(4) }, () => operation()),
    };
  }
  if (kind < 0.65) {
    const sign = () => random.pick(["helpful", "harmful", "neutral"] as const);
    return {
      _tag: "tag",
      tags: Array.from({ length: random.int(5) }, () => ({ entry: id(), sign: sign() })),
    };
  }
  if (kind < 0.8) {
    return {
      _tag: "concise",
      seed: random.int(1000),
      rule: {
        method: random.pick([
          "reset",
          "prioritized",
          "staleness",
          "staleness",
          "staleness",
        ] as const),
        window: random.int(4),
        ...(random.next() < 0.5 ? { cap: 1 + random.int(4) } : {}),
      },
    };
  }
  return { _tag: "advance" };
};

/** Takes one step in the store and in the model, and compares what both say afterwards. */
export const takeStep = Effect.fnUntraced(function* (
  playbook: PlaybookShape,
  key: string,
  model: PlaybookModel,
  step: Step,
  cause: Cause,
) {
  const before = yield* playbook.view(key);
  const earlier = reading(before);
  const context = () => `after ${JSON.stringify(step)} on\n${earlier}`;
  switch (step._tag) {
    case "apply": {
      const told = reading(yield* playbook.apply(key, step.operations, cause));
      model.apply(step.operations, cause);
      const expected = model.reading;
      if (told !== expected) {
        return yield* broken(`apply to answer with the new view:\n${expected}`, told, context());
      }
      break;
    }
    case "tag":
      yield* playbook.tag(key, step.tags, cause);
      model.tag(step.tags);
      break;
    case "concise": {
      const removals = yield* playbook.concise(key, step.rule, step.seed, cause);
      const wrong = model.concise(step.rule, removals);
      if (wrong !== undefined) return yield* broken(wrong, removals, context());
      break;
    }
    case "advance":
      yield* playbook.advance(key, cause);
      model.updateCount++;
  }
  const after = yield* playbook.view(key);
  const [found, expected] = [reading(after), model.reading];
  if (found !== expected) return yield* broken(expected, found, context());
  const rises =
    found === earlier ? after.version >= before.version : after.version > before.version;
  if (rises) return;
  const rule = `a version that rises with every change, from ${before.version}`;
  return yield* broken(rule, after.version, context());
});

/** What a history says is in the playbook: entries by id. */
export const replay = (lines: ReadonlyArray<HistoryLine>) => {
  const entries = new Map<string, Entry>();
  let updateCount = 0;
  for (const { change } of lines) {
    switch (change._tag) {
      case "Added":
      case "Updated":
        entries.set(change.entry.id, change.entry);
        break;
      case "Removed":
        entries.delete(change.entry.id);
        break;
      case "Advanced":
        updateCount = change.updateCount;
        break;
      case "Tagged": {
        const { entry: id, sign } = change.tag;
        const entry = entries.get(id);
        if (entry === undefined || sign === "neutral") break;
        entries.set(id, { ...entry, [sign]: entry[sign] + 1, lastTaggedAt: updateCount });
      }
    }
  }
  return { updateCount, entries };
};
