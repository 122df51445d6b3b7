/** Insights become lessons, unless the playbook says them already. */
import { Curator, CuratorError, Similarity, decodeOptions, noModelUse } from "@resd/core";
import { Effect, Layer, Schema } from "effect";

export const Options = Schema.Struct({
  /** Where lessons go. */
  section: Schema.String.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("STRATEGIES & INSIGHTS")),
  ),
  /** An insight at least this alike to an entry is not new. */
  alike: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(0.9)),
  ),
});

/** A curator that proposes every insight that is new. All proposals of a call see the same view, as the seam has it. */
export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Curator,
    Effect.gen(function* () {
      const { section, alike } = yield* decodeOptions("curator-rules", Options, options);
      const similarity = yield* Similarity;
      return {
        curate: Effect.fnUntraced(function* (items, view) {
          const texts = items.map(({ reflection }) => reflection.insight?.trim() ?? "");
          const rows = yield* similarity
            .alike(
              texts,
              view.entries.map((entry) => entry.text),
            )
            .pipe(Effect.mapError(({ message }) => new CuratorError({ message })));
          const proposals = texts.map((text, i) => {
            if (text === "") return { operations: [], parse: "skipped" as const, text: "" };
            const known = rows[i]?.some((value) => value >= alike) === true;
            return {
              operations: known ? [] : [{ _tag: "Add" as const, section, text }],
              parse: "ok" as const,
              text: known ? `known: ${text}` : text,
            };
          });
          return { proposals, use: noModelUse };
        }),
      };
    }),
  );
