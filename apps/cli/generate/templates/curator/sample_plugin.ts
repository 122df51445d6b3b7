/** A curator that asks no model. Put your rule of what is worth keeping where `isNew` is. */
import { Curator, type Operation, decodeOptions, noModelUse } from "@resd/core";
import { Effect, Layer, Schema } from "effect";

export const Options = Schema.Struct({
  /** The section of the playbook that new entries go to. */
  section: Schema.NonEmptyString.pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("STRATEGIES & INSIGHTS")),
  ),
});

export const layer = (options: typeof Options.Encoded) =>
  Layer.effect(
    Curator,
    Effect.gen(function* () {
      const { section } = yield* decodeOptions("curator-sample-plugin", Options, options);
      return {
        curate: (items, view) =>
          Effect.sync(() => {
            const known = new Set(view.entries.map((entry) => entry.text));
            const isNew = (text: string) => text !== "" && !known.has(text);
            const proposals = items.map(({ reflection: { insight = "" } }) => {
              const operations: ReadonlyArray<Operation> = isNew(insight)
                ? [{ _tag: "Add", section, text: insight }]
                : [];
              known.add(insight);
              return { operations, parse: "skipped" as const, text: insight };
            });
            return { proposals, use: noModelUse };
          }),
      };
    }),
  );
