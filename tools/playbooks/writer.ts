/**
 * A process that writes to a playbook file until it is killed, and says the number of each change on standard output
 * once it is committed.
 *
 *     node tools/playbooks/writer.ts <file> <seed> <first number> <durability>
 */
import { writeSync } from "node:fs";
import { Playbook } from "@resd/core";
import { layer } from "@resd/playbook-sqlite";
import { Effect } from "effect";
import { makeChange } from "./operations.ts";

const [file = "", seed = "0", first = "0", durability = "process"] = process.argv.slice(2);

const write = Effect.gen(function* () {
  const playbook = yield* Playbook;
  for (let number = Number(first); ; number++) {
    yield* makeChange(playbook, Number(seed), number);
    writeSync(1, `${number}\n`);
  }
});

await Effect.runPromise(
  Effect.provide(write, layer({ file, durability: durability === "power" ? "power" : "process" })),
);
