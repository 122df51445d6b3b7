/** `npm run new -- <seam> <name>`: writes a plugin and formats it; npm then links it into the workspace. */
import { NodeRuntime, NodeServices } from "@effect/platform-node";
import { Console, Effect, Path } from "effect";
import { ChildProcess, ChildProcessSpawner } from "effect/process";
import { generatePlugin } from "./generate_plugin.ts";

const program = Effect.gen(function* () {
  const path = yield* Path.Path;
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner;
  const root = path.join(import.meta.dirname, "../../..");
  const [seam = "", name = ""] = process.argv.slice(2);
  const { packageName, folder, files } = yield* generatePlugin(root, seam, name);
  // A name of another length moves the line breaks.
  yield* spawner.exitCode(ChildProcess.make("oxfmt", [folder], { stdout: "ignore" }));
  const where = path.relative(root, folder);
  yield* Console.log(
    [
      `${packageName} is in ${where}: ${files.join(", ")}`,
      `It works and keeps the laws of its seam. Make it yours, and run: npx vitest run ${where}`,
    ].join("\n"),
  );
});

program.pipe(
  Effect.tapErrorTag("GeneratorError", (error) => Console.error(error.message)),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true }),
);
