/** Laws of encoding: control tokens are out of reach of text. */
import { Effect } from "effect";
import { demand, type Law, law, shown } from "../law.ts";
import type { PolicyBench } from "./bench.ts";

export const encodeLaws = <E, R>(bench: PolicyBench<E, R>): ReadonlyArray<Law<R>> => {
  const { controls = [], texts = [] } = bench.settings;
  return [
    law(
      "policy.encode.controls",
      "a control token is one id, and no text becomes it",
      bench.fresh((policy) =>
        Effect.forEach(controls, (control) =>
          Effect.gen(function* () {
            const token = yield* policy.encode([{ control }]);
            yield* demand(
              token.length === 1,
              "one id",
              token,
              `at ${control}: look control tokens up by name`,
            );
            for (const text of [control, `a ${control} b`, `${control}${control}`]) {
              const ids = yield* policy.encode([{ text }]);
              yield* demand(
                !ids.includes(token[0] as number),
                `ids without that of ${control}`,
                ids,
                `at the text ${shown(text)}: whoever writes a task could end turns`,
              );
            }
            const text = policy.decode(token);
            yield* demand(
              !text.includes(control),
              "text without control tokens",
              text,
              `at decode of ${control}`,
            );
          }),
        ),
      ),
    ),
    law(
      "policy.encode.texts",
      "text comes back from its ids",
      bench.fresh((policy) =>
        Effect.forEach(texts, (text) =>
          Effect.flatMap(policy.encode([{ text }]), (ids) =>
            demand(policy.decode(ids) === text, shown(text), policy.decode(ids), "at decode"),
          ),
        ),
      ),
    ),
  ];
};
