/** How much room there is on the disk of a folder. */
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Effect } from "effect";

const freeAt = async (path: string): Promise<number | undefined> => {
  for (let at = resolve(path); ; at = dirname(at)) {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch {
      if (dirname(at) === at) return undefined; // not even the root can be asked
    }
  }
};

/** Free bytes where a path lies or will lie: of its nearest folder that exists. */
export const freeSpace = (path: string): Effect.Effect<number | undefined> =>
  Effect.promise(() => freeAt(path));
