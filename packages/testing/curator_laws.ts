/** What every curator promises. */
import { Curator, type CuratorShape, Operation, type Reflection, emptyView } from "@resd/core";
import { Context, Effect, Layer, Schema } from "effect";
import { type Law, demand, law, shown } from "./law.ts";
import type { ReflectorLawSettings } from "./reflector_laws.ts";
import { FAILURES, HOSTILE, LARGE, context, isUse, same, viewWith } from "./reflector/samples.ts";

/** What the curator is shown. */
export interface CuratorLawSettings extends Pick<ReflectorLawSettings, "failures" | "view"> {
  /** One for each failure. */
  readonly reflections?: ReadonlyArray<Reflection>;
}

/**
 * The laws of the curator seam. The layer may need a policy: provide one that answers the same question in the same way.
 *
 * @example
 * ```ts
 * registerLaws(curatorLaws(layer({}).pipe(Layer.provide([policy, format]))));
 * ```
 */
export const curatorLaws = <E, R>(
  layer: Layer.Layer<Curator, E, R>,
  settings: CuratorLawSettings = {},
): ReadonlyArray<Law<R>> => {
  const { failures = FAILURES, view = viewWith(["Carry before you round."]) } = settings;
  const reflections: ReadonlyArray<Reflection> =
    settings.reflections ??
    failures.map((_, i) => ({
      text: `The carry of digit ${i} was lost.`,
      insight: `digit-${i} is CARRY`,
      tags: [],
      parse: "ok",
    }));
  const items = failures.flatMap((attempt, i) => {
    const reflection = reflections[i];
    return reflection === undefined ? [] : [{ attempt, reflection }];
  });
  const withCurator = <A, Failure>(
    use: (curator: CuratorShape) => Effect.Effect<A, Failure>,
  ): Effect.Effect<A, E | Failure, R> =>
    Effect.scoped(
      Effect.flatMap(Layer.build(Layer.fresh(layer)), (services) =>
        use(Context.get(services, Curator)),
      ),
    );
  const decode = Schema.decodeUnknownEffect(Schema.Array(Operation));

  return [
    law(
      "curator.order",
      "every reflection has a proposal, in the order of the reflections",
      withCurator((curator) =>
        Effect.gen(function* () {
          const { proposals, use } = yield* curator.curate(items, view, context);
          yield* demand(
            proposals.length === items.length && isUse(use),
            `${items.length} proposals, and counts from 0 on`,
            [proposals.length, use],
            "answer what is not curated with no operations",
          );
          for (const { operations } of proposals) yield* decode(operations);
          const turned = yield* curator.curate(items.toReversed(), view, context);
          yield* demand(
            same(turned.proposals.toReversed(), proposals),
            shown(proposals),
            turned.proposals.toReversed(),
            "let a proposal depend on its item, the view and the update, and on no neighbour",
          );
        }),
      ),
    ),
    law(
      "curator.repeat",
      "the same call gives the same answer, and no items cost nothing",
      withCurator((curator) =>
        Effect.gen(function* () {
          const first = yield* curator.curate(items, view, context);
          const second = yield* curator.curate(items, view, context);
          yield* demand(
            same(first, second),
            shown(first),
            second,
            "seed every draw by its context",
          );
          const none = yield* curator.curate([], view, context);
          yield* demand(
            none.proposals.length + none.use.modelCalls === 0,
            "no proposals and no model calls",
            none,
            "return at once",
          );
        }),
      ),
    ),
    law(
      "curator.hostile",
      "odd reflections and large playbooks are curated, or left out, and never end a run",
      withCurator((curator) =>
        Effect.gen(function* () {
          const odd = HOSTILE.map((attempt) => {
            const text = attempt.actions[0]?.content ?? "";
            return {
              attempt,
              reflection: { text, insight: text, tags: [], parse: "malformed" } as const,
            };
          });
          for (const seen of [view, LARGE, emptyView]) {
            const { proposals } = yield* curator.curate(odd, seen, context);
            yield* demand(
              proposals.length === odd.length,
              `${odd.length} proposals`,
              proposals.length,
              "shorten the prompt, or answer `skipped`",
            );
            for (const { operations } of proposals) yield* decode(operations);
          }
        }),
      ),
    ),
  ];
};
