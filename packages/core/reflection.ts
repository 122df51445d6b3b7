/** The reflector and curator seams: failures become words, words become proposed lessons. */
import { Context, type Effect, Schema } from "effect";
import type { Attempt } from "./attempt.ts";
import { type Operation, Tag, type View } from "./playbook.ts";
import { hashName } from "./random.ts";

/** How reading a model's reply went. `skipped`: the model was not asked, so there was none. */
export const ReplyParse = Schema.Literals([
  "ok",
  "repaired",
  "malformed",
  "empty",
  "truncated",
  "skipped",
]);
export type ReplyParse = typeof ReplyParse.Type;

/** What was learned from one attempt. `text` goes to the teacher and the curator even when parsing failed. */
export const Reflection = Schema.Struct({
  text: Schema.String,
  /** The one lesson, where the format knows it. */
  insight: Schema.optionalKey(Schema.String),
  tags: Schema.Array(Tag),
  parse: ReplyParse,
});
export type Reflection = typeof Reflection.Type;

/** Names a reflection by the attempt that it is about and by what it says: playbooks remember what they followed. */
export const reflectionId = (attempt: string, { text }: Pick<Reflection, "text">): string =>
  hashName("reflection", attempt, text);

/** Cost of asking a model, for the counters beside environment interactions. */
export interface ModelUse {
  readonly modelCalls: number;
  readonly generatedTokens: number;
}

/** Of a reflector or curator that asks no model. */
export const noModelUse: ModelUse = { modelCalls: 0, generatedTokens: 0 };

/** A reflector that cannot work at all; a bad reply is not an error but a `parse` outcome. */
export class ReflectorError extends Schema.TaggedError<ReflectorError>()("ReflectorError", {
  message: Schema.String,
}) {}

/** A curator that cannot work at all; a bad reply is not an error but a `parse` outcome. */
export class CuratorError extends Schema.TaggedError<CuratorError>()("CuratorError", {
  message: Schema.String,
}) {}

/** What one call of a reflector or curator is part of: names the seeds of its draws. */
export interface CallContext {
  /** Inner update, counted from 0. */
  readonly update: number;
}

/** Batched, so that a local policy answers in one generation; answers are in the order of the requests. */
export interface ReflectorShape {
  /** Whether it writes prose: refused at composition with a format that has no free text. */
  readonly freeText: boolean;
  readonly reflect: (
    failures: ReadonlyArray<Attempt>,
    view: View,
    context: CallContext,
  ) => Effect.Effect<
    { readonly reflections: ReadonlyArray<Reflection>; readonly use: ModelUse },
    ReflectorError
  >;
  /** Credit for successes. */
  readonly credit: (
    successes: ReadonlyArray<Attempt>,
    view: View,
    context: CallContext,
  ) => Effect.Effect<
    {
      readonly tags: ReadonlyArray<ReadonlyArray<Tag>>;
      /** How each reply could be read, where there were replies. */
      readonly parse?: ReadonlyArray<ReplyParse>;
      readonly use: ModelUse;
    },
    ReflectorError
  >;
}

/** The reflector of a run. */
export class Reflector extends Context.Service<Reflector, ReflectorShape>()(
  "@resd/core/Reflector",
) {}

/** Proposes operations, never edits. Every call of one update sees the same view. */
export interface CuratorShape {
  readonly curate: (
    items: ReadonlyArray<{ readonly attempt: Attempt; readonly reflection: Reflection }>,
    view: View,
    context: CallContext,
  ) => Effect.Effect<
    {
      readonly proposals: ReadonlyArray<{
        readonly operations: ReadonlyArray<Operation>;
        readonly parse: ReplyParse;
        readonly text: string;
      }>;
      readonly use: ModelUse;
    },
    CuratorError
  >;
}

/** The curator of a run. */
export class Curator extends Context.Service<Curator, CuratorShape>()("@resd/core/Curator") {}
