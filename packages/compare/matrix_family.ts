/** Matrix files and what they extend. */
import {
  type ConfigPart,
  RunHost,
  type Values,
  isValues,
  overlay,
  schemaFaults,
  unknownKeys,
  withValueAt,
} from "@resd/run";
import { Effect, FileSystem, Path, Schema } from "effect";
import { MatrixError, MatrixFile, type VariantSpec } from "./matrix.ts";

/** A matrix file with those that it extends. */
export interface Family {
  readonly file: string;
  readonly folder: string;
  readonly text: MatrixFile;
  readonly parent?: Family;
}

/** A matrix that cannot be run, and why. */
export const refuse = (message: string) => new MatrixError({ message });

/** Values in which dotted keys have become nested ones. */
export const nested = (values: Values): Values =>
  Object.entries(values).reduce<Values>(
    (all, [key, value]) =>
      overlay(all, withValueAt({}, key.split("."), value), new Map(), () => ""),
    {},
  );

const readText = Effect.fnUntraced(function* (file: string, absolute: string) {
  const fs = yield* FileSystem.FileSystem;
  if (!(yield* Effect.orElseSucceed(fs.exists(absolute), () => false))) {
    return yield* refuse(
      `Expected a matrix file, got no such file, at ${absolute}; give the path of a .json or .ts file, such as experiments/main.json`,
    );
  }
  if (/\.m?[jt]s$/.test(file)) {
    const { importModule } = yield* RunHost;
    const module = yield* Effect.tryPromise({
      try: () => importModule(absolute),
      catch: (error) =>
        refuse(
          `Expected a module that loads, got ${error instanceof Error ? error.message : String(error)}, at ${file}; correct it`,
        ),
    });
    return isValues(module) ? module["default"] : undefined;
  }
  const text = yield* Effect.mapError(fs.readFileString(absolute), (error) =>
    refuse(
      `Expected a readable file, got ${error.message}, at ${absolute}; correct the path, or its permissions`,
    ),
  );
  return yield* Effect.try({
    try: () => JSON.parse(text) as unknown,
    catch: (error) =>
      refuse(
        `Expected JSON, got what does not parse: ${(error as Error).message}, at ${file}; correct it`,
      ),
  });
});

/** Reads a matrix file and those that it extends. @param children files that lead here, none of which may come again. */
export const readFamily = Effect.fnUntraced(function* (
  file: string,
  children: ReadonlyArray<string>,
): Effect.fn.Return<Family, MatrixError, FileSystem.FileSystem | Path.Path | RunHost> {
  const path = yield* Path.Path;
  const absolute = path.resolve(file);
  if (children.includes(absolute)) {
    return yield* refuse(
      `Expected matrix files that end somewhere, got ${file} twice in a row of extensions; take one extends out`,
    );
  }
  const read = yield* readText(file, absolute);
  if (!isValues(read)) {
    return yield* refuse(
      `Expected an object with variants, got ${JSON.stringify(read)?.slice(0, 60) ?? "no default export"}, at ${file}; see docs/compare.md`,
    );
  }
  const sources = new Map(Object.keys(read).map((key) => [key, file]));
  const unknown = unknownKeys(MatrixFile, read, sources);
  if (unknown.length > 0) return yield* refuse(unknown.map((fault) => fault.message).join("\n"));
  const text = yield* Schema.decodeUnknownEffect(MatrixFile, { errors: "all" })(read).pipe(
    Effect.mapError(({ issue }) =>
      refuse(
        schemaFaults(issue, read, sources)
          .map((fault) => fault.message)
          .join("\n"),
      ),
    ),
  );
  const folder = path.dirname(absolute);
  const found = { file, folder, text };
  if (text.extends === undefined) return found;
  const above = yield* readFamily(path.resolve(folder, text.extends), [...children, absolute]);
  return { ...found, parent: above };
});

/** The nearest value that a file or one it extends gives. */
export const inherited = <K extends keyof MatrixFile>(
  family: Family | undefined,
  key: K,
): MatrixFile[K] | undefined =>
  family === undefined ? undefined : (family.text[key] ?? inherited(family.parent, key));

/** Values of the protocol, the furthest file first. */
export const protocolOf = (family: Family | undefined): ReadonlyArray<ConfigPart> =>
  family === undefined
    ? []
    : [
        ...protocolOf(family.parent),
        { source: `matrix ${family.file}`, values: nested(family.text.config) },
      ];

/** The variants that a file writes out. */
export const specsOf = ({ text }: Family): ReadonlyArray<VariantSpec> =>
  text.variants.filter((variant) => typeof variant !== "string");

/** All names that a file may use, its own first. */
export const namesOf = (family: Family | undefined): ReadonlyArray<string> =>
  family === undefined
    ? []
    : [...specsOf(family).map(({ name }) => name), ...namesOf(family.parent)];
