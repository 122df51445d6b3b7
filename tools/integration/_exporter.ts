/** Exports two models in turn to one folder, until it is killed: `node _exporter.ts <model> <other model> <folder>`. */
import { NodeServices } from "@effect/platform-node";
import { exportModel } from "@resd/engine";
import { Console, Effect } from "effect";

const [first, second, to] = process.argv.slice(2) as [string, string, string];
const one = (model: string) =>
  exportModel({ model, as: "model", to, force: true, shardBytes: 400_000, card: () => "# card\n" });

await Console.log("begun").pipe(
  Effect.andThen(Effect.forever(Effect.andThen(one(first), one(second)))),
  Effect.provide(NodeServices.layer),
  Effect.runPromise,
);
