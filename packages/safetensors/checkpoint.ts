/** The weights of a model folder: `model.safetensors`, or the shards that `model.safetensors.index.json` lists. */
import { Effect, FileSystem, Schema, type Scope } from "effect";
import {
  floats,
  openSafetensors,
  type ReadError,
  type SafetensorsFile,
  type StoredTensor,
  type TensorReader,
} from "./safetensors_file.ts";
import type { TensorInfo } from "./header.ts";
import { SafetensorsError } from "./safetensors_error.ts";

/** All shards of a checkpoint as one. */
export interface Checkpoint extends TensorReader {
  readonly files: ReadonlyArray<string>;
  /** The file that holds a tensor; undefined where none does. */
  readonly fileOf: (name: string) => string | undefined;
  readonly infos: ReadonlyMap<string, TensorInfo>;
}

const Index = Schema.fromJsonString(
  Schema.Struct({ weight_map: Schema.Record(Schema.String, Schema.String) }),
);

const openIndex = Effect.fnUntraced(function* (
  folder: string,
  path: string,
): Effect.fn.Return<Checkpoint, ReadError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem;
  const { type } = yield* fs.stat(path);
  if (type !== "File") {
    return yield* new SafetensorsError({
      file: path,
      message: `Expected a file, got a ${type}, at ${path}; put the file there, or fetch the checkpoint again`,
    });
  }
  const { weight_map } = yield* fs.readFileString(path).pipe(
    Effect.flatMap(Schema.decodeEffect(Index)),
    Effect.catchTag("SchemaError", (error) =>
      Effect.fail(
        new SafetensorsError({
          file: path,
          message: `Expected {"weight_map": {tensor: file}}, got what does not decode: ${error.message}, at ${path}; fetch the checkpoint again`,
        }),
      ),
    ),
  );
  const shards = new Map<string, SafetensorsFile>();
  for (const shard of new Set(Object.values(weight_map))) {
    // A name with a separator could reach files outside of the folder.
    if (/[/\\\0]/u.test(shard) || shard === "" || shard === "." || shard === "..") {
      return yield* new SafetensorsError({
        file: path,
        message: `Expected shard names without a path, got ${JSON.stringify(shard)}, at weight_map of ${path}; do not use this checkpoint, or name its shards beside the index`,
      });
    }
    if (!(yield* fs.exists(`${folder}/${shard}`))) {
      return yield* new SafetensorsError({
        file: `${folder}/${shard}`,
        message: `Expected ${shard}, which ${path} lists, got no such file, at ${folder}; fetch the checkpoint again`,
      });
    }
    shards.set(shard, yield* openSafetensors(`${folder}/${shard}`));
  }
  const owners = new Map<string, SafetensorsFile>();
  const infos = new Map<string, TensorInfo>();
  for (const [name, shard] of Object.entries(weight_map)) {
    const owner = shards.get(shard);
    const info = owner?.header.tensors.get(name);
    if (owner === undefined || info === undefined) {
      return yield* new SafetensorsError({
        file: path,
        tensor: name,
        message: `Expected tensor ${name} in ${shard}, as ${path} says, got a shard without it; fetch the checkpoint again`,
      });
    }
    owners.set(name, owner);
    infos.set(name, info);
  }
  const read = (name: string): Effect.Effect<StoredTensor, ReadError> => {
    const owner = owners.get(name);
    return owner === undefined
      ? Effect.fail(
          new SafetensorsError({
            file: path,
            tensor: name,
            message: `Expected a tensor named ${name}, got none among ${owners.size}, at ${path}; fetch the checkpoint again, or give the one that config.json belongs to`,
          }),
        )
      : owner.read(name);
  };
  return {
    fileOf: (name) => owners.get(name)?.path,
    files: [...shards.values()].map((shard) => shard.path),
    infos,
    names: [...owners.keys()],
    read,
    readFloats: floats(path, read),
  };
});

/** Opens the weights of a folder for the length of the scope. Headers are read now, tensors when asked for. */
export const openCheckpoint = Effect.fnUntraced(function* (
  folder: string,
): Effect.fn.Return<Checkpoint, ReadError, FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem;
  const index = `${folder}/model.safetensors.index.json`;
  if (yield* fs.exists(index)) return yield* openIndex(folder, index);
  const single = `${folder}/model.safetensors`;
  if (!(yield* fs.exists(single))) {
    return yield* new SafetensorsError({
      file: single,
      message: `Expected model.safetensors or model.safetensors.index.json, got neither, at ${folder}; give the folder of a Hugging Face model`,
    });
  }
  const file = yield* openSafetensors(single);
  const infos = file.header.tensors;
  return {
    ...file,
    files: [single],
    infos,
    fileOf: (name) => (infos.has(name) ? single : undefined),
  };
});
