import { NodeServices } from "@effect/platform-node";
import { Compute, PolicyError } from "@resd/core";
import { makeInterpreterCompute, writeChatModel } from "@resd/testing";
import { assert, layer } from "@effect/vitest";
import { Effect, FileSystem, Layer, Path } from "effect";
import type { Entry, Files } from "./fixtures/damage.ts";
import { DAMAGED_TEXTS } from "./fixtures/damaged_texts.ts";
import { DAMAGED_WEIGHTS } from "./fixtures/damaged_weights.ts";
import { makeLocalPolicy } from "./local_policy.ts";

/** The files of a sound model, small enough to be broken two hundred times. */
const soundFiles = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped();
  const sizes = { hidden_size: 8, intermediate_size: 8, head_dim: 2, num_hidden_layers: 1 };
  yield* writeChatModel(folder, { config: sizes });
  const files: Record<string, Uint8Array> = {};
  for (const name of yield* fs.readDirectory(folder)) {
    files[name] = yield* fs.readFile(`${folder}/${name}`);
  }
  return files as Files;
});

const write = Effect.fnUntraced(function* (folder: string, name: string, entry: Entry) {
  const fs = yield* FileSystem.FileSystem;
  if (entry === undefined) return;
  if (entry === "folder") yield* fs.makeDirectory(`${folder}/${name}`);
  else if ("link" in entry) yield* fs.symlink(entry.link, `${folder}/${name}`);
  else yield* fs.writeFile(`${folder}/${name}`, entry);
});

/** What comes of loading a folder with these files, within a time in which a sound one is loaded many times over. */
const load = Effect.fnUntraced(function* (entries: Readonly<Record<string, Entry>>) {
  const fs = yield* FileSystem.FileSystem;
  const folder = yield* fs.makeTempDirectoryScoped();
  for (const [name, entry] of Object.entries(entries)) yield* write(folder, name, entry);
  const compute = makeInterpreterCompute();
  const outcome = yield* makeLocalPolicy({ folder }).pipe(
    Effect.asVoid,
    Effect.scoped,
    Effect.provideService(Compute, compute),
    Effect.timeout("20 seconds"),
    Effect.result,
  );
  assert.strictEqual(compute.liveArrays(), 0);
  return outcome;
});

layer(Layer.mergeAll(NodeServices.layer, Path.layer), { excludeTestServices: true })(
  "corrupted folders",
  (it) => {
    it.effect("makeLocalPolicy() loads the sound folder that all damage starts from", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* load(yield* soundFiles))._tag, "Success");
      }),
    );

    it.effect.each([...DAMAGED_WEIGHTS, ...DAMAGED_TEXTS])(
      "makeLocalPolicy() refuses $kind, naming the file and the reason",
      (damage) =>
        Effect.gen(function* () {
          const sound = yield* soundFiles;
          for (let n = 0; n < 10; n++) {
            const where = `${damage.kind}, ${n}`;
            const outcome = yield* load({ ...sound, ...damage.change(sound, n) });
            if (outcome._tag === "Success") return assert.fail(`${where}: loaded`);
            const error = outcome.failure;
            assert.instanceOf(error, PolicyError, `${where}: ${String(error)}`);
            if (!(error instanceof PolicyError)) return;
            assert.strictEqual(error.reason, "model-files", where);
            assert.match(error.message, damage.names, where);
            assert.match(error.message, /; /, `${where}: what to do`);
            assert.isBelow(error.message.length, 2000, where);
          }
        }),
    );
  },
);
