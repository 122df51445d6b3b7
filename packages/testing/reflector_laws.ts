/** What every reflector promises. */
import {
  type Attempt,
  Reflection,
  Reflector,
  type ReflectorShape,
  type View,
  emptyView,
} from "@resd/core";
import { Context, Effect, Layer, Schema } from "effect";
import { type Law, demand, law, shown } from "./law.ts";
import {
  FAILURES,
  HOSTILE,
  LARGE,
  SUCCESSES,
  context,
  isUse,
  same,
  viewWith,
} from "./reflector/samples.ts";

/** What the reflector is shown. */
export interface ReflectorLawSettings {
  /** At least two different failures; generic ones if absent. */
  readonly failures?: ReadonlyArray<Attempt>;
  readonly successes?: ReadonlyArray<Attempt>;
  /** A playbook that fits the attempts. */
  readonly view?: View;
}

/**
 * The laws of the reflector seam. The layer may need a policy: provide one that answers the same question in the same
 * way, or the laws of repetition cannot hold.
 *
 * @example
 * ```ts
 * registerLaws(reflectorLaws(layer({}).pipe(Layer.provide([policy, format]))));
 * ```
 */
export const reflectorLaws = <E, R>(
  layer: Layer.Layer<Reflector, E, R>,
  settings: ReflectorLawSettings = {},
): ReadonlyArray<Law<R>> => {
  const {
    failures = FAILURES,
    successes = SUCCESSES,
    view = viewWith(["Carry before you round.", "Guess."]),
  } = settings;
  const withReflector = <A, Failure>(
    use: (reflector: ReflectorShape) => Effect.Effect<A, Failure>,
  ): Effect.Effect<A, E | Failure, R> =>
    Effect.scoped(
      Effect.flatMap(Layer.build(Layer.fresh(layer)), (services) =>
        use(Context.get(services, Reflector)),
      ),
    );
  const decode = Schema.decodeUnknownEffect(Schema.Array(Reflection));

  return [
    law(
      "reflector.reflect.order",
      "every failure has a reflection, in the order of the failures",
      withReflector((reflector) =>
        Effect.gen(function* () {
          const { reflections, use } = yield* reflector.reflect(failures, view, context);
          yield* demand(
            reflections.length === failures.length,
            `${failures.length} reflections`,
            reflections.length,
            "answer a failure that cannot be reflected on with an empty reflection",
          );
          yield* decode(reflections);
          yield* demand(isUse(use), "counts that are integers from 0 on", use, "see ModelUse");
          const turned = yield* reflector.reflect(failures.toReversed(), view, context);
          yield* demand(
            same(turned.reflections.toReversed(), reflections),
            shown(reflections),
            turned.reflections.toReversed(),
            "let a reflection depend on its attempt, the view and the update, and on no neighbour",
          );
        }),
      ),
    ),
    law(
      "reflector.repeat",
      "the same call gives the same answer",
      withReflector((reflector) =>
        Effect.gen(function* () {
          const first = yield* reflector.reflect(failures, view, context);
          const second = yield* reflector.reflect(failures, view, context);
          yield* demand(
            same(first, second),
            shown(first),
            second,
            "seed every draw by its context",
          );
          const credit = yield* reflector.credit(successes, view, context);
          const again = yield* reflector.credit(successes, view, context);
          yield* demand(
            same(credit, again),
            shown(credit),
            again,
            "seed every draw by its context",
          );
        }),
      ),
    ),
    law(
      "reflector.nothing",
      "no attempts cost nothing",
      withReflector((reflector) =>
        Effect.gen(function* () {
          const { reflections, use } = yield* reflector.reflect([], view, context);
          const credit = yield* reflector.credit([], view, context);
          const cost = use.modelCalls + credit.use.modelCalls;
          yield* demand(
            reflections.length + credit.tags.length + cost === 0,
            "no answers and no model calls",
            { reflections, use, credit },
            "return at once",
          );
        }),
      ),
    ),
    law(
      "reflector.tags.known",
      "tags name entries of the view and no others, and an empty playbook gets none",
      withReflector((reflector) =>
        Effect.gen(function* () {
          for (const seen of [view, emptyView]) {
            const known = new Set(seen.entries.map((entry) => entry.id));
            const { reflections } = yield* reflector.reflect(failures, seen, context);
            const { tags } = yield* reflector.credit(successes, seen, context);
            yield* demand(
              tags.length === successes.length,
              `tags for ${successes.length} successes`,
              tags,
              "an empty list is an answer",
            );
            for (const tag of [
              ...tags,
              ...reflections.map((reflection) => reflection.tags),
            ].flat()) {
              yield* demand(known.has(tag.entry), "an id of the view", tag, "drop invented ids");
            }
          }
        }),
      ),
    ),
    law(
      "reflector.hostile",
      "odd attempts and large playbooks are reflected on, or left out, and never end a run",
      withReflector((reflector) =>
        Effect.gen(function* () {
          for (const seen of [view, LARGE]) {
            const { reflections } = yield* reflector.reflect(HOSTILE, seen, context);
            const { tags } = yield* reflector.credit(HOSTILE, seen, context);
            yield* demand(
              reflections.length === HOSTILE.length && tags.length === HOSTILE.length,
              `${HOSTILE.length} answers to each call`,
              [reflections.length, tags.length],
              "shorten the prompt, or answer `skipped`",
            );
            yield* decode(reflections);
          }
        }),
      ),
    ),
  ];
};
