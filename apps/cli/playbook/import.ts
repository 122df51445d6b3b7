/** `resd playbook import`: takes a playbook over into a store, with its credit. */
import type { Cause, Operation } from "@resd/core";
import { importOf } from "@resd/resd";
import { Console, Effect, Option } from "effect";
import { choosePlaybook, readSource, tellPassedOver } from "./source.ts";
import { withStore } from "./store.ts";

export interface ImportInput {
  readonly source: string;
  readonly into: string;
  readonly key: Option.Option<string>;
  readonly json: boolean;
}

export const BY_A_PERSON: Cause = { update: 0, by: "person" };

export const importPlaybook = Effect.fnUntraced(function* (input: ImportInput) {
  const source = yield* readSource(input.source);
  yield* tellPassedOver(source);
  const { key, state } = yield* choosePlaybook(source, Option.getOrUndefined(input.key));
  const operation: Operation = importOf(state.entries);
  const { before, after } = yield* withStore(input.into, (playbook) =>
    Effect.gen(function* () {
      const known = new Set((yield* playbook.view(key)).entries.map(({ id }) => id));
      const view = yield* playbook.apply(key, [operation], BY_A_PERSON);
      return { before: known, after: view.entries };
    }),
  );
  const imported = after.filter(({ id }) => !before.has(id));
  const ids = new Set(state.entries.map(({ id }) => id));
  const renamed = imported.filter(({ id }) => !ids.has(id)).length;
  yield* Console.log(
    input.json
      ? JSON.stringify({ key, into: input.into, imported })
      : `${imported.length} entries of ${source.name} are now in ${input.into} (${key})${renamed === 0 ? "" : `; ${renamed} have new ids, because theirs were given there before`}`,
  );
});
