/** `resd export`: the trained model of a run as a folder for others. */
import { configError, exportRun, readRun } from "@resd/run";
import { Console, Effect, FileSystem, type Option, Option as Maybe } from "effect";
import { hostLayer } from "./host.ts";

export interface ExportInput {
  readonly run: string;
  readonly out: string;
  readonly merge: boolean;
  readonly adapter: boolean;
  readonly best: boolean;
  readonly dtype: Option.Option<"f32" | "bf16" | "f16">;
  readonly shardSize: string;
  readonly force: boolean;
  readonly json: boolean;
}

const DTYPES = { f32: "float32", bf16: "bfloat16", f16: "float16" } as const;
const UNITS = { KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;

/** Bytes of a size such as `5GB` or `500 MiB`. */
const bytesOf = Effect.fnUntraced(function* (text: string) {
  const [, number, unit] = /^(\d+(?:\.\d+)?) *([KMG]i?B)$/u.exec(text) ?? [];
  const bytes = Number(number) * UNITS[unit as keyof typeof UNITS];
  if (bytes > 0) return bytes;
  const message = `Expected a size such as 5GB or 500MiB, got ${text}, at --shard-size`;
  return yield* configError([{ path: "shard-size", source: "--shard-size", message }]);
});

const refuse = (flag: string, message: string) =>
  configError([{ path: flag, source: `--${flag}`, message }]);

/** Names and bytes of the files of a folder. */
const listed = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem;
  const names = (yield* fs.readDirectory(folder)).toSorted();
  return yield* Effect.forEach(names, (name) =>
    Effect.map(fs.stat(`${folder}/${name}`), ({ size }) => ({ name, bytes: Number(size) })),
  );
});

export const exportPolicy = Effect.fnUntraced(function* (input: ExportInput) {
  if (input.merge && input.adapter) {
    const message = "Expected one of --merge and --adapter, got both; export twice, to two folders";
    return yield* refuse("adapter", message);
  }
  if (input.adapter && Maybe.isSome(input.dtype)) {
    const message = `Expected no --dtype for an adapter, got ${input.dtype.value}; adapters are stored in f32`;
    return yield* refuse("dtype", message);
  }
  const which = input.best ? "best" : "end";
  const recorded = yield* readRun(input.run, which);
  const exported = yield* exportRun(recorded, {
    as: input.adapter ? "adapter" : "model",
    which,
    to: input.out,
    force: input.force,
    shardBytes: yield* bytesOf(input.shardSize),
    ...(Maybe.isSome(input.dtype) ? { dtype: DTYPES[input.dtype.value] } : {}),
  });
  const files = yield* listed(input.out);
  if (input.json) {
    const { as, merged, parameters, base, config } = exported;
    const told = { folder: input.out, as, merged, parameters, base, dtype: config.torch_dtype };
    return yield* Console.log(JSON.stringify({ ...told, files }));
  }
  const what = input.adapter
    ? "An adapter for PEFT"
    : exported.merged
      ? "A model with its adapter merged"
      : "A model";
  yield* Console.log(
    [
      `${what}, ${exported.config.model_type}, lies in ${input.out}:`,
      ...files.map(({ name, bytes }) => `  ${bytes.toLocaleString("en").padStart(15)}  ${name}`),
    ].join("\n"),
  );
}, Effect.provide(hostLayer));
