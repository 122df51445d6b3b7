/**
 * A small world for the tests of this package: tasks ask for a word, the policy follows a script, and every part writes
 * down what it was asked, in one log. Prompts are those of the compact format, so they can be read in assertions.
 */
import {
  Curator,
  Environment,
  Format,
  Playbook,
  Policy,
  Reflector,
  type RunEvent,
  RunSeed,
  Tracker,
} from "@resd/core";
import { Effect, Layer } from "effect";
import { makeWorldEnvironment } from "./_world_environment.ts";
import type { WorldNotes, WorldOptions } from "./_world_options.ts";
import { makeWorldPlaybook } from "./_world_playbook.ts";
import { makeWorldPolicy } from "./_world_policy.ts";
import { makeWorldWords } from "./_world_words.ts";
import type { ResdConfig } from "./config.ts";
import { compactFormat } from "./format/compact.ts";
import { presets } from "./presets.ts";

/** The configuration of most tests: the reference preset on batches of two, at a rate that tuning does not move. */
export const smallConfig = (changes: Partial<ResdConfig> = {}): ResdConfig => ({
  ...presets.kestrel,
  batchSize: 2,
  updatesPerBatch: 2,
  updates: 4,
  lr: 2e-3,
  evaluation: { every: 100, tasks: "all", samples: 2, teacher: false },
  ...changes,
});

/** A fresh world: its layer, and what is noted while something runs in it. */
export const makeWorld = (options: WorldOptions = {}) => {
  const notes: WorldNotes = { log: [], batches: [], requests: [] };
  const events: Array<RunEvent> = [];
  const { policy, textOf, encode } = makeWorldPolicy(options, notes);
  const environment = makeWorldEnvironment(options, notes);
  const { reflector, curator } = makeWorldWords(options, notes);
  const playbook = makeWorldPlaybook(notes);
  const layer = Layer.mergeAll(
    Layer.succeed(Environment, environment),
    Layer.succeed(Policy, policy),
    Layer.succeed(Format, {
      ...compactFormat,
      freeText: options.freeText?.format ?? compactFormat.freeText,
    }),
    Layer.succeed(Reflector, reflector),
    Layer.succeed(Curator, curator),
    Layer.succeed(Playbook, playbook),
    Layer.succeed(Tracker, { event: (event) => Effect.sync(() => void events.push(event)) }),
    Layer.succeed(RunSeed, options.seed ?? 7),
  );
  return { ...notes, events, textOf, encode, policy, playbook, layer };
};

/** The events of one kind, in order. */
export const eventsOf = <Tag extends RunEvent["_tag"]>(events: ReadonlyArray<RunEvent>, tag: Tag) =>
  events.filter((event): event is Extract<RunEvent, { readonly _tag: Tag }> => event._tag === tag);
