/** Where the tests of this package run: a folder of their own, with a copy of the model that ships. */
import { NodeServices } from "@effect/platform-node";
import { ROOT, hostLayer } from "@resd/cli/host";
import { type HostServices, RunHost } from "@resd/run";
import { Context, Effect, FileSystem, Layer, Path } from "effect";

export class Workplace extends Context.Service<
  Workplace,
  {
    /** Empty at first, and removed when the tests are over. */
    readonly folder: string;
    /** The model, which nobody trains while the tests run. */
    readonly model: string;
  }
>()("@resd/tool-integration/Workplace") {
  static readonly layer = Layer.effect(
    Workplace,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem;
      const path = yield* Path.Path;
      const folder = yield* fs.makeTempDirectoryScoped({ prefix: "resd-integration-" });
      const model = path.join(folder, "kestrel");
      yield* fs.copy(path.join(ROOT, "models/kestrel"), model);
      return { folder, model };
    }),
  );
}

/** Everything that a test of a whole run needs. */
export const place: Layer.Layer<Workplace | HostServices | RunHost, unknown> = Workplace.layer.pipe(
  Layer.provideMerge(NodeServices.layer),
  Layer.provideMerge(hostLayer),
);
