/**
 * A process that adds lessons to a playbook file and tags them, beside others that do the same.
 *
 *     node tools/playbooks/adder.ts <file> <name> <lessons>
 */
import { type Cause, Playbook } from "@resd/core";
import { layer } from "@resd/playbook-sqlite";
import { Effect } from "effect";

const [file = "", name = "", lessons = "0"] = process.argv.slice(2);

const write = Effect.gen(function* () {
  const playbook = yield* Playbook;
  for (let i = 0; i < Number(lessons); i++) {
    const cause: Cause = { update: i, by: "curator", attempt: name };
    const text = `${name} learned ${i}`;
    const { entries } = yield* playbook.apply(
      "global",
      [{ _tag: "Add", section: "others", text }],
      cause,
    );
    const mine = entries.find((entry) => entry.text === text);
    if (mine === undefined) throw new Error(`Expected the view to hold ${text}`);
    yield* playbook.tag("global", [{ entry: mine.id, sign: "helpful" }], cause);
  }
});

await Effect.runPromise(Effect.provide(write, layer({ file, durability: "process" })));
