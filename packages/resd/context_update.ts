/**
 * The words: from the playbook P_t to P_{t+1}, and a reflection for every failure (Algorithm 1 of arXiv 2605.12741).
 * Models are asked in batches; the playbook changes in sample order.
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
  PlaybookError,
  type PlaybookShape,
  type Reflection,
  Reflector,
  ReflectorError,
  type ReplyParse,
  type Tag,
  type View,
  emptyView,
  hashSeed,
  noModelUse,
  reflectionId,
} from "@resd/core";
import { Effect } from "effect";
import type { ResdConfig } from "./config.ts";
import type { During } from "./journal.ts";
import { conciseDue } from "./playbook/concise.ts";
import { mergeOperations, nearDuplicates } from "./playbook/near_duplicates.ts";

/** What became of one curator call. */
export interface Curation {
  /** Operations that reached the playbook. */
  readonly operations: number;
  readonly parse: ReplyParse;
  readonly text: string;
}

/** What the words of one update came to. */
export interface ContextUpdate {
  /** P_{t+1} by playbook key; empty when the run has no playbook. */
  readonly views: ReadonlyMap<string, View>;
  /** By attempt id, one for every failure. */
  readonly reflections: ReadonlyMap<string, Reflection>;
  /** By attempt id, one for every curator call. */
  readonly curations: ReadonlyMap<string, Curation>;
  /** How the replies about successes could be read, one for each call. */
  readonly credits?: ReadonlyArray<ReplyParse>;
  readonly use: { readonly reflect: ModelUse; readonly curate: ModelUse };
}

/** The playbook that an attempt reads and writes; undefined when the run has none. */
export const playbookKey = (mode: ResdConfig["playbook"], taskKey: string): string | undefined =>
  mode === "none" ? undefined : mode === "global" ? "global" : taskKey;

/** What all steps of one context update share. */
interface Scene {
  readonly config: ResdConfig;
  readonly seed: number;
  readonly context: CallContext;
  readonly during: During;
  readonly playbook: PlaybookShape;
  readonly reflections: Map<string, Reflection>;
  readonly curations: Map<string, Curation>;
  readonly credits: Array<ReplyParse>;
  readonly use: { reflect: ModelUse; curate: ModelUse };
}

const plus = (a: ModelUse, b: ModelUse): ModelUse => ({
  modelCalls: a.modelCalls + b.modelCalls,
  generatedTokens: a.generatedTokens + b.generatedTokens,
});
const tokensOf = (answer: { readonly use: ModelUse }): number => answer.use.generatedTokens;

/** The first of each task, in batch order. */
const onePerTask = (attempts: ReadonlyArray<Attempt>): ReadonlyArray<Attempt> => {
  const seen = new Set<string>();
  return attempts.filter((attempt) => {
    if (seen.has(attempt.taskKey)) return false;
    seen.add(attempt.taskKey);
    return true;
  });
};

/** Why a playbook changes: because of an attempt, and of the reflection on it where there is one. */
const causeOf = ({ context, reflections }: Scene, by: Cause["by"], attempt?: Attempt): Cause => {
  const reflection = attempt === undefined ? undefined : reflections.get(attempt.id);
  return {
    update: context.update,
    by,
    ...(attempt === undefined ? {} : { attempt: attempt.id }),
    ...(attempt === undefined || reflection === undefined
      ? {}
      : { reflection: reflectionId(attempt.id, reflection) }),
  };
};

/** Attempts that share a playbook are asked about together; the key is undefined when the run has none. */
const byPlaybook = ({ config }: Scene, attempts: ReadonlyArray<Attempt>) => [
  ...Map.groupBy(attempts, ({ taskKey }) => playbookKey(config.playbook, taskKey)),
];

const conciseIfDue = Effect.fnUntraced(function* (scene: Scene, key: string) {
  const { config, seed, context, playbook } = scene;
  const rule = conciseDue(config.concise, yield* playbook.view(key));
  if (rule === undefined) return;
  const pass = hashSeed(seed, "concise", context.update, key, "before");
  yield* playbook.concise(key, rule, pass, causeOf(scene, "concise"));
});

/** Once more after curation: only over the cap, so only where a curator was understood (trap T11). */
const conciseOverCap = Effect.fnUntraced(function* (scene: Scene, key: string) {
  const { config, seed, context, playbook } = scene;
  const { method, window, cap, afterCuration } = config.concise;
  if (!afterCuration || cap === undefined) return;
  if ((yield* playbook.view(key)).entries.length <= cap) return;
  const pass = hashSeed(seed, "concise", context.update, key, "after");
  yield* playbook.concise(key, { method, window, cap }, pass, causeOf(scene, "concise"));
});

/** One call per failure, all from the same snapshot. */
const reflectOn = Effect.fnUntraced(function* (scene: Scene, failures: ReadonlyArray<Attempt>) {
  const reflector = yield* Reflector;
  const { context, during, playbook } = scene;
  for (const [key, group] of byPlaybook(scene, failures)) {
    const view = key === undefined ? emptyView : yield* playbook.view(key);
    const answer = yield* during(
      "reflect",
      `${group.length} reflections`,
      reflector.reflect(group, view, context),
      tokensOf,
    );
    if (answer.reflections.length !== group.length) {
      return yield* new ReflectorError({
        message: `Expected ${group.length} reflections, got ${answer.reflections.length}, at update ${context.update}; the reflector has to answer every failure in order`,
      });
    }
    group.forEach((attempt, i) => scene.reflections.set(attempt.id, answer.reflections[i]!));
    scene.use.reflect = plus(scene.use.reflect, answer.use);
  }
});

/** Sample by sample, so that an entry may gain as much as there are attempts. */
const tag = Effect.fnUntraced(function* (scene: Scene, attempt: Attempt, tags: ReadonlyArray<Tag>) {
  const key = playbookKey(scene.config.playbook, attempt.taskKey);
  if (key === undefined || tags.length === 0) return;
  yield* scene.playbook.tag(key, tags, causeOf(scene, "reflector", attempt));
});

/** One call per success, seeing the counts that failures left. An empty playbook has nothing to credit. */
const creditFor = Effect.fnUntraced(function* (scene: Scene, successes: ReadonlyArray<Attempt>) {
  const reflector = yield* Reflector;
  const { config, context, during, playbook } = scene;
  const asked = config.deduplicate ? onePerTask(successes) : successes;
  for (const [key, group] of byPlaybook(scene, asked)) {
    const view = key === undefined ? emptyView : yield* playbook.view(key);
    if (view.entries.length === 0) continue;
    const answer = yield* during(
      "reflect",
      `credit for ${group.length} successes`,
      reflector.credit(group, view, context),
      tokensOf,
    );
    if (answer.tags.length !== group.length) {
      return yield* new ReflectorError({
        message: `Expected tags for ${group.length} successes, got ${answer.tags.length}, at update ${context.update}; the reflector has to answer every success in order`,
      });
    }
    for (const [i, attempt] of group.entries()) yield* tag(scene, attempt, answer.tags[i]!);
    scene.credits.push(...(answer.parse ?? []));
    scene.use.reflect = plus(scene.use.reflect, answer.use);
  }
});

/** The operations of one proposal that the run lets through. `known` grows by the texts that are added. */
const admitted = (
  { operations, parse }: { operations: ReadonlyArray<Operation>; parse: ReplyParse },
  config: ResdConfig,
  known: Set<string>,
): ReadonlyArray<Operation> =>
  parse !== "ok" && parse !== "repaired"
    ? []
    : operations.filter((operation) => {
        if (operation._tag === "Import" || !config.operations.includes(operation._tag)) {
          return false;
        }
        if (operation._tag !== "Add" || !config.dropExactDuplicates) return true;
        const text = operation.text.trim();
        if (known.has(text)) return false;
        known.add(text);
        return true;
      });

/** Merges what curation has added or reworded with whatever says the same. */
const mergeNearDuplicates = Effect.fnUntraced(function* (scene: Scene, key: string, before: View) {
  const { config, playbook } = scene;
  if (config.nearDuplicates === undefined) return;
  const known = new Map(before.entries.map(({ id, text }) => [id, text]));
  const { entries } = yield* playbook.view(key);
  const fresh = new Set(entries.flatMap(({ id, text }) => (known.get(id) === text ? [] : [id])));
  if (fresh.size === 0) return;
  const groups = yield* nearDuplicates(entries, config.nearDuplicates, fresh).pipe(
    Effect.mapError(({ message }) => new PlaybookError({ key, message })),
  );
  if (groups.length === 0) return;
  yield* playbook.apply(key, mergeOperations(groups), causeOf(scene, "duplicates"));
});

/** One call per failure, all from one view; what they propose is applied in sample order. */
const curate = Effect.fnUntraced(function* (scene: Scene, failures: ReadonlyArray<Attempt>) {
  const curator = yield* Curator;
  const { config, context, during, playbook, reflections } = scene;
  const asked = config.deduplicate ? onePerTask(failures) : failures;
  for (const [key, group] of byPlaybook(scene, asked)) {
    if (key === undefined) continue;
    const view = yield* playbook.view(key);
    const items = group.map((attempt) => ({
      attempt,
      reflection: reflections.get(attempt.id)!,
    }));
    const answer = yield* during(
      "curate",
      `${group.length} curations`,
      curator.curate(items, view, context),
      tokensOf,
    );
    if (answer.proposals.length !== group.length) {
      return yield* new CuratorError({
        message: `Expected ${group.length} proposals, got ${answer.proposals.length}, at update ${context.update}; the curator has to answer every reflection in order`,
      });
    }
    const known = new Set(view.entries.map((entry) => entry.text));
    for (const [i, attempt] of group.entries()) {
      const proposal = answer.proposals[i]!;
      const operations = admitted(proposal, config, known);
      if (operations.length > 0) {
        yield* playbook.apply(key, operations, causeOf(scene, "curator", attempt));
      }
      const { parse, text } = proposal;
      scene.curations.set(attempt.id, { operations: operations.length, parse, text });
    }
    scene.use.curate = plus(scene.use.curate, answer.use);
    yield* mergeNearDuplicates(scene, key, view);
    yield* conciseOverCap(scene, key);
  }
});

/**
 * One context update over the graded attempts of an inner iteration, in batch order:
 *
 * concise if due → reflect on all failures from one snapshot → apply their tags, sample by sample → credit successes
 * after those counts → curate, all from one view → apply in sample order → merge near-duplicates, if the run asks for it
 * → concise again → advance.
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
  const reflections = new Map<string, Reflection>();
  const curations = new Map<string, Curation>();
  const credits: Array<ReplyParse> = [];
  const use = { reflect: noModelUse, curate: noModelUse };
  const views = new Map<string, View>();
  const scene: Scene = {
    config,
    seed,
    context,
    during,
    playbook,
    reflections,
    curations,
    credits,
    use,
  };
  if (!config.reflect) return { views, reflections, curations, use };

  const keys = byPlaybook(scene, attempts).flatMap(([key]) => key ?? []);
  const failures = attempts.filter((attempt) => !attempt.success);
  const successes = attempts.filter((attempt) => attempt.success);

  for (const key of keys) yield* conciseIfDue(scene, key);
  yield* reflectOn(scene, failures);
  for (const attempt of failures) yield* tag(scene, attempt, reflections.get(attempt.id)!.tags);
  if (config.successTagging) yield* creditFor(scene, successes);
  yield* curate(scene, failures);
  for (const key of keys) yield* playbook.advance(key, causeOf(scene, "curator"));

  for (const key of keys) views.set(key, yield* playbook.view(key));
  return { views, reflections, curations, credits, use };
});
