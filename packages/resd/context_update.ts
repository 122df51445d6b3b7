/**
 * The words: from the playbook P_t to P_{t+1}, and a reflection for every failure (specification §1.3, and Algorithm 1
 * of arXiv 2605.12741). Models are asked in batches; the playbook changes in sample order.
 */
import {
  type Attempt,
  type CallContext,
  type Cause,
  Curator,
  CuratorError,
  type ModelUse,
  type Operation,
  Playbook,
  type PlaybookError,
  type Reflection,
  Reflector,
  ReflectorError,
  type ReplyParse,
  type View,
  emptyView,
  hashSeed,
  noModelUse,
} from "@resd/core";
import { Effect } from "effect";
import type { ResdConfig } from "./config.ts";
import type { During } from "./journal.ts";
import { conciseDue } from "./playbook/concise.ts";

/** What became of one curator call. */
export interface Curation {
  /** Operations that reached the playbook. */
  readonly operations: number;
  readonly parse: ReplyParse;
  readonly text: string;
}

export interface ContextUpdate {
  /** P_{t+1} by playbook key; empty when the run has no playbook. */
  readonly views: ReadonlyMap<string, View>;
  /** By attempt id, one for every failure. */
  readonly reflections: ReadonlyMap<string, Reflection>;
  /** By attempt id, one for every curator call. */
  readonly curations: ReadonlyMap<string, Curation>;
  readonly use: { readonly reflect: ModelUse; readonly curate: ModelUse };
}

/** The playbook that an attempt reads and writes; undefined when the run has none. */
export const playbookKey = (mode: ResdConfig["playbook"], taskKey: string): string | undefined =>
  mode === "none" ? undefined : mode === "global" ? "global" : taskKey;

const plus = (a: ModelUse, b: ModelUse): ModelUse => ({
  modelCalls: a.modelCalls + b.modelCalls,
  generatedTokens: a.generatedTokens + b.generatedTokens,
});

/** The first of each task, in batch order. */
const onePerTask = (attempts: ReadonlyArray<Attempt>): ReadonlyArray<Attempt> => {
  const seen = new Set<string>();
  return attempts.filter((attempt) => {
    if (seen.has(attempt.taskKey)) return false;
    seen.add(attempt.taskKey);
    return true;
  });
};

/** The operations of one proposal that the run lets through. `known` grows by the texts that are added. */
const admitted = (
  operations: ReadonlyArray<Operation>,
  config: ResdConfig,
  known: Set<string>,
): ReadonlyArray<Operation> =>
  operations.filter((operation) => {
    if (!config.operations.includes(operation._tag)) return false;
    if (operation._tag !== "Add" || !config.dropExactDuplicates) return true;
    const text = operation.text.trim();
    if (known.has(text)) return false;
    known.add(text);
    return true;
  });

const wasRead = (parse: ReplyParse): boolean => parse === "ok" || parse === "repaired";

/**
 * One context update over the graded attempts of an inner iteration, in batch order:
 *
 * concise if due → reflect on all failures from one snapshot → apply their tags, sample by sample → credit successes
 * after those counts → curate, all from one view → apply in sample order → concise again → advance.
 *
 * Without a failure only successes are credited. Without a playbook failures are still reflected on.
 */
export const updateContext = Effect.fn("resd.updateContext")(function* (
  attempts: ReadonlyArray<Attempt>,
  config: ResdConfig,
  seed: number,
  context: CallContext,
  during: During,
): Effect.fn.Return<
  ContextUpdate,
  PlaybookError | ReflectorError | CuratorError,
  Playbook | Reflector | Curator
> {
  const playbook = yield* Playbook;
  const reflector = yield* Reflector;
  const curator = yield* Curator;
  const { update } = context;
  const use = { reflect: noModelUse, curate: noModelUse };
  const reflections = new Map<string, Reflection>();
  const curations = new Map<string, Curation>();
  if (!config.reflect) return { views: new Map(), reflections, curations, use };

  const keyOf = (attempt: Attempt) => playbookKey(config.playbook, attempt.taskKey);
  const keys = [...new Set(attempts.flatMap((attempt) => keyOf(attempt) ?? []))];
  const viewOf = (key: string | undefined) =>
    key === undefined ? Effect.succeed(emptyView) : playbook.view(key);
  const viewsNow = Effect.map(
    Effect.forEach(keys, (key) => Effect.map(playbook.view(key), (view) => [key, view] as const)),
    (views): ReadonlyMap<string, View> => new Map(views),
  );
  const causedBy = (by: Cause["by"], attempt?: Attempt): Cause => ({
    update,
    by,
    ...(attempt === undefined ? {} : { attempt: attempt.id }),
  });
  /** Attempts that share a playbook are asked about together. */
  const byPlaybook = (some: ReadonlyArray<Attempt>) => [...Map.groupBy(some, keyOf)];
  const advance = Effect.forEach(keys, (key) => playbook.advance(key, causedBy("curator")), {
    discard: true,
  });

  // Concise: the cap takes part only if the playbook has outgrown it.
  for (const key of keys) {
    const rule = conciseDue(config.concise, yield* playbook.view(key));
    if (rule === undefined) continue;
    const pass = hashSeed(seed, "concise", update, key, "before");
    yield* playbook.concise(key, rule, pass, causedBy("concise"));
  }

  const failures = attempts.filter((attempt) => !attempt.success);
  const successes = attempts.filter((attempt) => attempt.success);

  // Reflect: one call per failure, all from the same snapshot.
  for (const [key, group] of byPlaybook(failures)) {
    const view = yield* viewOf(key);
    const answer = yield* during(
      "reflect",
      `${group.length} reflections`,
      reflector.reflect(group, view, context),
      ({ use: { generatedTokens } }) => generatedTokens,
    );
    if (answer.reflections.length !== group.length) {
      return yield* new ReflectorError({
        message: `Expected ${group.length} reflections, got ${answer.reflections.length}, at update ${update}; the reflector has to answer every failure in order`,
      });
    }
    group.forEach((attempt, i) => reflections.set(attempt.id, answer.reflections[i]!));
    use.reflect = plus(use.reflect, answer.use);
  }

  // Tag: sample by sample, so that an entry may gain as much as there are failures.
  for (const attempt of failures) {
    const key = keyOf(attempt);
    const tags = reflections.get(attempt.id)?.tags ?? [];
    if (key !== undefined && tags.length > 0) {
      yield* playbook.tag(key, tags, causedBy("reflector", attempt));
    }
  }

  // Credit: successes tag too, seeing the counts that failures left.
  const credited = config.deduplicate ? onePerTask(successes) : successes;
  for (const [key, group] of config.successTagging ? byPlaybook(credited) : []) {
    if (key === undefined) continue;
    const view = yield* playbook.view(key);
    if (view.entries.length === 0) continue; // nothing to credit: no reason to ask
    const answer = yield* during(
      "reflect",
      `credit for ${group.length} successes`,
      reflector.credit(group, view, context),
      ({ use: { generatedTokens } }) => generatedTokens,
    );
    if (answer.tags.length !== group.length) {
      return yield* new ReflectorError({
        message: `Expected tags for ${group.length} successes, got ${answer.tags.length}, at update ${update}; the reflector has to answer every success in order`,
      });
    }
    for (const [i, attempt] of group.entries()) {
      const tags = answer.tags[i]!;
      if (tags.length > 0) yield* playbook.tag(key, tags, causedBy("reflector", attempt));
    }
    use.reflect = plus(use.reflect, answer.use);
  }

  if (failures.length === 0) {
    yield* advance;
    return { views: yield* viewsNow, reflections, curations, use };
  }

  // Curate: all calls see one view; what they propose is applied in sample order.
  const curated = config.deduplicate ? onePerTask(failures) : failures;
  for (const [key, group] of byPlaybook(curated)) {
    if (key === undefined) continue;
    const view = yield* playbook.view(key);
    const answer = yield* during(
      "curate",
      `${group.length} curations`,
      curator.curate(
        group.map((attempt) => ({ attempt, reflection: reflections.get(attempt.id)! })),
        view,
        context,
      ),
      ({ use: { generatedTokens } }) => generatedTokens,
    );
    if (answer.proposals.length !== group.length) {
      return yield* new CuratorError({
        message: `Expected ${group.length} proposals, got ${answer.proposals.length}, at update ${update}; the curator has to answer every reflection in order`,
      });
    }
    use.curate = plus(use.curate, answer.use);
    const known = new Set(view.entries.map((entry) => entry.text));
    let anyRead = false;
    for (const [i, attempt] of group.entries()) {
      const { operations, parse, text } = answer.proposals[i]!;
      const wanted = wasRead(parse) ? admitted(operations, config, known) : [];
      if (wanted.length > 0) yield* playbook.apply(key, wanted, causedBy("curator", attempt));
      curations.set(attempt.id, { operations: wanted.length, parse, text });
      anyRead ||= wasRead(parse);
    }

    // Concise once more, only over the cap and only where a curator was understood (trap T11).
    const { method, window, cap, afterCuration } = config.concise;
    const grown = (yield* playbook.view(key)).entries.length;
    if (afterCuration && anyRead && cap !== undefined && grown > cap) {
      const pass = hashSeed(seed, "concise", update, key, "after");
      yield* playbook.concise(key, { method, window, cap }, pass, causedBy("concise"));
    }
  }

  yield* advance;
  return { views: yield* viewsNow, reflections, curations, use };
});
