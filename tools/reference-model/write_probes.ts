/**
 * Writes the probes of the reference model into its folder, where `--probes` finds them:
 *
 *     node tools/reference-model/write_probes.ts --out models/kestrel/probes.jsonl
 */
import { parseArgs } from "node:util";
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { Console, Effect, FileSystem } from "effect";
import { probesText } from "./probes.ts";

const { values: flags } = parseArgs({
  options: {
    out: { type: "string", default: "models/kestrel/probes.jsonl" },
    seed: { type: "string", default: "1" },
  },
});

const program = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem;
  yield* files.writeFileString(flags.out, probesText(Number(flags.seed)));
  yield* Console.log(`wrote ${flags.out}`);
});

program.pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain);
