/** Names for files, the same as long as their contents are. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { MatrixError } from "@resd/compare";
import { Effect } from "effect";

/** Files beside a model that no run reads: documents, and what its abilities are measured with. */
const decidesNothing = (name: string): boolean => /(^probes\.jsonl|\.md)$/.test(name);

const hashFiles = async (path: string): Promise<string> => {
  const files = statSync(path).isDirectory()
    ? readdirSync(path)
        .filter((name) => !decidesNothing(name))
        .map((name) => join(path, name))
        .filter((file) => statSync(file).isFile())
        .toSorted()
    : [path];
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(`${file.slice(path.length)}\n${statSync(file).size}\n`);
    await pipeline(createReadStream(file), hash, { end: false });
  }
  return hash.digest("hex");
};

/**
 * A name for a file, or for the files of a folder that decide what a model does (not of folders below it); each path is read once.
 */
export const makeFingerprint = () => {
  const known = new Map<string, Promise<string>>();
  return (path: string): Effect.Effect<string, MatrixError> =>
    existsSync(path)
      ? Effect.promise(() => {
          const found = known.get(path) ?? hashFiles(path);
          known.set(path, found);
          return found;
        })
      : Effect.fail(
          new MatrixError({
            message: `Expected the model that the cells start from, got nothing, at ${path}; name a folder of a model`,
          }),
        );
};
